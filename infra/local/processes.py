"""Processes that outlive the command that started them: started in groups of their own, written down, stopped by group.

A process is known by its id and the moment it started, so that a recycled id is never mistaken for it.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

RECORD = "processes.json"
PATIENCE_SECONDS = 60
T = TypeVar("T")


class StackError(Exception):
    """The stack could not be brought up; the message says why."""


def started_at(pid: int) -> str | None:
    """When the process started, in whatever form the system tells it; None where there is none, or only its remains."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    else:
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout.strip() or None


def start(directory: Path, name: str, command: list[str], stdin: int = subprocess.DEVNULL) -> subprocess.Popen:
    """Starts a command with nothing of our environment but the path; its output goes to `<name>.log`."""
    with (directory / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONUNBUFFERED": "1"},
            stdin=stdin,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    record = recorded(directory)
    record[name] = {"pid": process.pid, "started_at": started_at(process.pid)}
    (directory / RECORD).write_text(json.dumps(record))
    return process


def wait_for(directory: Path, name: str, process: subprocess.Popen, found: Callable[[], T | None]) -> T:
    """Waits until what was started shows what is looked for; fails with the end of its log where it does not."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := found()):
        code = process.poll()
        if code is not None or time.monotonic() > deadline:
            outcome = f"is not ready after {PATIENCE_SECONDS} s" if code is None else f"ended with code {code}"
            log = directory / f"{name}.log"
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise StackError(f"the {name} {outcome}; the end of {log}:\n{tail}")
        time.sleep(0.02)
    return value


def recorded(directory: Path) -> dict[str, dict]:
    """What was started in this directory and not yet stopped, by name."""
    try:
        return json.loads((directory / RECORD).read_text())
    except FileNotFoundError:
        return {}


def stop_all(directory: Path) -> list[str]:
    """Stops what was started in this directory and whatever it started in turn. Returns the names of what still ran."""
    entries = recorded(directory)
    now = {name: started_at(entry["pid"]) for name, entry in entries.items()}
    running = [name for name, entry in entries.items() if now[name] and now[name] == entry["started_at"]]
    # Where the leader is gone its group may not be; as long as it is there, the system gives its id to no other.
    ours = [entry["pid"] for name, entry in entries.items() if name in running or now[name] is None]
    for signal_number, patience in ((signal.SIGTERM, 0.5), (signal.SIGKILL, 2.0)):
        for pid in ours:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal_number)
        deadline = time.monotonic() + patience
        while any(started_at(pid) for pid in ours) and time.monotonic() < deadline:
            time.sleep(0.02)
    (directory / RECORD).unlink(missing_ok=True)
    return running
