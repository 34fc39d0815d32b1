#!/bin/sh
# Says which prerequisite is missing and how to get it; prints nothing where all is there.
# Usage: prerequisites.sh <python> <oldest Rust>
python=$1
oldest_rust=$2
missing=0

lack() {
  [ "$missing" -ne 0 ] || echo "Missing:" >&2
  missing=1
  printf '  %s\n    %s\n' "$1" "$2" >&2
}

at_least() { # at_least <wanted> <found>
  [ "$(printf '%s\n%s\n' "$1" "$2" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$1" ]
}

rust="rustup from https://rustup.rs, then: rustup toolchain install $oldest_rust"
if ! command -v cargo >/dev/null 2>&1; then
  lack "Rust $oldest_rust or newer (no cargo on the path)" "$rust"
else
  found=$(cargo --version | cut -d ' ' -f 2 | cut -d - -f 1)
  at_least "$oldest_rust" "$found" || lack "Rust $oldest_rust or newer (cargo is $found)" "rustup update"
fi

if ! command -v cc >/dev/null 2>&1; then
  lack "a C compiler (no cc on the path)" "Debian, Ubuntu: apt-get install build-essential; macOS: xcode-select --install"
fi

get_python="Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python; or make PYTHON=/path/to/python3"
if ! command -v "$python" >/dev/null 2>&1; then
  lack "Python 3.11 or newer (no $python on the path)" "$get_python"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  lack "Python 3.11 or newer ($python is $("$python" -c 'import platform; print(platform.python_version())'))" "$get_python"
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  lack "Python's venv and ensurepip" "$get_python"
fi

exit "$missing"
