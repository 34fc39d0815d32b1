#!/bin/sh
# Fails where a bundle needs a newer glibc than Amazon Linux 2023 has. A newer build machine would do that silently.
# Usage: check_glibc.sh <binary>...
limit=2.34
[ "$(uname -s)" = Linux ] || exit 0
if ! command -v objdump >/dev/null 2>&1; then
  echo "  glibc not checked: objdump is missing (binutils)"
  exit 0
fi
for binary in "$@"; do
  needed=$(objdump -T "$binary" 2>/dev/null | sed -n 's/.*GLIBC_\([0-9.]*\).*/\1/p' | sort -u -t. -k1,1n -k2,2n -k3,3n | tail -n 1)
  newest=$(printf '%s\n%s\n' "$limit" "${needed:-0}" | sort -t. -k1,1n -k2,2n | tail -n 1)
  if [ "$newest" != "$limit" ]; then
    echo "$binary needs glibc $needed; Amazon Linux 2023 has $limit. make build builds for that one." >&2
    exit 1
  fi
done
