"""What a deployment consists of: the bundles, the template, the parameters that are in force; and their digest.

Lambda's alias gets a new version only where the template names a new digest, so all that a function is made of is in
it.
"""

import argparse
import hashlib
import io
import json
import re
import zipfile
from pathlib import Path

# https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html: where the machine stands, and Lambda's two.
MACHINE_AT = 18
MACHINES = {0x3E: "x86_64", 0xB7: "arm64"}
# The parameter that holds the digest.
RELEASE = "Release"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
MAX_BUCKET_NAME = 63


class UnfitError(Exception):
    """The name, the bundles or the parameters cannot be deployed; the message says why, and what to do."""


def assignment(text: str) -> tuple[str, str]:
    """A parameter as it is given on a command line."""
    key, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text} is not KEY=VALUE")
    return key, value


def bucket_name(stack: str, account: str, region: str) -> str:
    """The bucket that bundles and templates go to."""
    return f"{stack}-{account}-{region}"


def require_name(stack: str, region: str) -> None:
    """Raises `UnfitError` where a stack or its bucket cannot have this name."""
    most = MAX_BUCKET_NAME - len(bucket_name("", "0" * 12, region))
    if not re.fullmatch(r"[a-z][a-z0-9-]*", stack) or len(stack) > most:
        raise UnfitError(
            f"no stack can be called {stack}: an S3 bucket is named after it. STACK has to begin with a lowercase "
            f"letter and have lowercase letters, digits and hyphens only, at most {most} characters in this region"
        )


def bootstraps(directory: Path, functions: list[str]) -> dict[str, bytes]:
    """The program of each function. Raises `UnfitError` where one is missing."""
    missing = [name for name in functions if not (directory / name / "bootstrap").exists()]
    if missing:
        raise UnfitError(f"{directory} has no bootstrap of {', '.join(missing)}; make build makes them")
    return {name: (directory / name / "bootstrap").read_bytes() for name in functions}


def require_machine(programs: dict[str, bytes], architecture: str) -> None:
    """Raises `UnfitError` where a program is for another processor than the functions are to run on."""
    for name, program in programs.items():
        machine = MACHINES.get(int.from_bytes(program[MACHINE_AT : MACHINE_AT + 2], "little"))
        if not program.startswith(b"\x7fELF") or machine is None:
            raise UnfitError(f"{name}/bootstrap is no Linux program for {' or '.join(MACHINES.values())}")
        if machine != architecture:
            raise UnfitError(
                f"{name}/bootstrap is built for {machine}, not {architecture}; make build ARCH={architecture}"
            )


def zipped(program: bytes, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A program as Lambda takes it. The same program always makes the same bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", compression) as target:
        entry = zipfile.ZipInfo("bootstrap", (2000, 1, 1, 0, 0, 0))
        entry.compress_type = compression
        entry.external_attr = 0o755 << 16
        target.writestr(entry, program)
    return archive.getvalue()


def in_force(template: dict, before: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """Each parameter's value: as given, else as before, else its default. One without any is left out."""
    known = template["Parameters"]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise UnfitError(f"the template has no parameter {', '.join(unknown)}")
    defaults = {name: str(about["Default"]) for name, about in known.items() if "Default" in about}
    kept = {name: value for name, value in before.items() if name in known}
    return {name: value for name, value in {**defaults, **kept, **given}.items() if name != RELEASE}


def digest(template: str, programs: dict[str, bytes], parameters: dict[str, str]) -> str:
    """Of all that is deployed; changes with each part of it."""
    parts = {
        "template": template,
        "programs": {name: hashlib.sha256(program).hexdigest() for name, program in programs.items()},
        "parameters": {name: value for name, value in parameters.items() if name != RELEASE},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
