"""The instances of functions: counted, killed or stopped on demand, replaced when the function changed."""

import contextlib
import signal
import time
from collections import Counter

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

# An instance that is being ended is dead by then.
UNANSWERED_SECONDS = 5
# By function, the invocations that Lambda ended since the start since they took too long.
TIMED_OUT: Counter[str] = Counter()


def listed() -> dict:
    """By function, how many of its instances run an invocation, how many wait for one, how many timed out."""
    counts: dict[str, Counter] = {}
    for name, workers in pools():
        by_state = counts.setdefault(name, Counter(running=0, idle=0, timed_out=TIMED_OUT[name]))
        by_state.update("running" if worker.in_use else "idle" for worker in workers)
    return counts


def pools() -> list[tuple[str, list]]:
    with lambda_runtime._lock:
        return [(key.split(":")[-2], workers[:]) for key, workers in lambda_runtime._workers.items()]


def kill(function: str, idle: bool) -> int:
    """Kills the processes of running invocations of functions whose name contains this text, as a crash would.

    With `idle` also those that wait for an invocation. Returns how many there were.
    """
    killed = 0
    for process in processes(function, idle):
        with contextlib.suppress(ProcessLookupError):
            process.kill()
            # Not before it is gone would an invocation see that it needs another one.
            process.wait(timeout=UNANSWERED_SECONDS)
            killed += 1
    return killed


def stop(function: str) -> int:
    """Makes these running invocations stand still, until they time out. Returns how many there were."""
    stopped = 0
    for process in processes(function, idle=False):
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGSTOP)
            stopped += 1
    return stopped


def processes(function: str, idle: bool) -> list:
    chosen = [worker for name, workers in pools() if function in name for worker in workers if worker.in_use or idle]
    return [worker._proc for worker in chosen if worker._proc is not None and worker._proc.poll() is None]


def fix_life() -> None:
    """An instance serves the code and configuration that it was started with and no other, and ends without a grace.

    MiniStack gives two seconds after SIGTERM; on AWS a function without extensions gets none:
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown
    """
    acquire = lambda_svc.acquire_worker

    def acquire_current(name: str, config: dict, code: bytes, qualifier: str = "$LATEST", **options):
        key = lambda_runtime._worker_key(name, config, qualifier)
        wanted = identity(config)
        with lambda_runtime._lock:
            workers = lambda_runtime._workers.get(key, [])
            stale = [worker for worker in workers if not worker.in_use and worker.started_as != wanted]
            lambda_runtime._workers[key] = [worker for worker in workers if worker not in stale]
        lambda_runtime.kill_workers(stale)
        worker, reason = acquire(name, config, code, qualifier=qualifier, **options)
        if reason == "spawn":
            worker.started_as = wanted
        return worker, reason

    def end(process) -> None:
        if process is not None and process.poll() is None:
            process.kill()

    build = lambda_runtime.ProvidedWorker._build_handler_class

    def build_silent(worker, generation: int, pending):
        """On AWS nobody answers an instance that is being ended; MiniStack does, with an error that makes it panic."""
        handler = build(worker, generation, pending)

        def leave_unanswered(request) -> None:
            time.sleep(UNANSWERED_SECONDS)
            request.close_connection = True

        handler._stopped = leave_unanswered
        return handler

    drain = lambda_runtime.ProvidedWorker._drain_stderr_bounded

    def drain_log(worker, **_) -> str:
        """All lines of an invocation are its own. On a busy machine MiniStack's 50 ms leave them to the next one."""
        return drain(worker, first_line_wait=0.5, idle_confirm=0.02, hard_cap=1.0)

    invoke = lambda_runtime.ProvidedWorker.invoke

    def invoke_counted(worker, *invocation, **options) -> dict:
        answer = invoke(worker, *invocation, **options)
        TIMED_OUT[worker.func_name] += answer.get("error_payload", {}).get("errorType") == "Sandbox.Timedout"
        return answer

    lambda_runtime.ProvidedWorker.invoke = invoke_counted
    lambda_runtime.ProvidedWorker._drain_stderr_bounded = drain_log
    lambda_runtime.ProvidedWorker._build_handler_class = build_silent
    lambda_svc.acquire_worker = acquire_current
    lambda_runtime.Worker.started_as = None
    lambda_runtime._signal = end


def identity(config: dict) -> str:
    """What an instance is started with: another one is needed where any of it changes."""
    names = ("CodeSha256", "Environment", "Handler", "MemorySize", "Role", "Runtime", "Timeout", "Layers")
    return repr([config.get(name) for name in names])
