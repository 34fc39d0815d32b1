#!/bin/sh
# Fuzzes each target for a time, beginning with the corpora, and says what was found and how to run it again.
# Usage: run.sh <cargo-fuzz> <seconds for each> <target>...
set -u
cargo_fuzz=$1
seconds=$2
shift 2

here=$(dirname "$0")
root=$(cd "$here/../.." && pwd)
# New inputs, findings and logs stay here; the corpora in the repository are only read.
out=$root/target/fuzz
status=0

if ! command -v c++ >/dev/null 2>&1; then
  printf 'Missing:\n  a C++ compiler (no c++ on the path), for libFuzzer\n    Debian, Ubuntu: apt-get install build-essential; macOS: xcode-select --install\n' >&2
  exit 1
fi

# The instrumentation is an unstable flag of the compiler's, which a stable one takes from those who say that they know. No sanitizer: it
# would look for what unsafe code does, and there is none of ours.
export RUSTC_BOOTSTRAP=1
mkdir -p "$out"
echo "> the targets, which takes some minutes the first time"
"$cargo_fuzz" fuzz build --fuzz-dir "$here" --sanitizer none --target-dir "$out/build" >"$out/build.log" 2>&1 ||
  { tail -n 30 "$out/build.log" >&2; exit 1; }
built=$out/build/$(rustc -vV | sed -n 's/^host: //p')/release

for target in "$@"; do
  corpus=$here/corpus/$target
  new=$out/corpus/$target
  findings=$out/findings/$target
  log=$out/$target.log
  [ -x "$built/$target" ] || { echo "  $target is no target" >&2; status=1; continue; }
  mkdir -p "$new" "$findings"
  if "$built/$target" "$new" "$corpus" -max_total_time="$seconds" -timeout=10 -artifact_prefix="$findings/" \
    -print_final_stats=1 >"$log" 2>&1; then
    inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    printf '  %-12s %4s s  %10s inputs, nothing found\n' "$target" "$seconds" "$inputs"
  else
    status=1
    finding=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    finding=${finding#"$root/"}
    printf '  %-12s A FINDING: %s\n' "$target" "${finding:-none was written; the log says why: $log}"
    grep -m 1 -A 1 'panicked at\|ERROR: libFuzzer' "$log" | sed 's/^/    /'
    [ -z "$finding" ] || printf '    To run it again, and to keep it as a test:\n      cp %s %s/ && cargo test -p properties %s\n' \
      "$finding" "tests/fuzz/corpus/$target" "$target"
  fi
done
exit "$status"
