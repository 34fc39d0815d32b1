#!/bin/sh
# Adds to the corpora what the last runs found: for each target the smallest of the inputs that reach code that no file of the corpus reaches.
# Usage: reduce.sh <most for each> <target>...
set -eu
most=$1
shift

here=$(dirname "$0")
out=$here/../../target/fuzz
built=$out/build/$(rustc -vV | sed -n 's/^host: //p')/release

for target in "$@"; do
  corpus=$here/corpus/$target
  all=$out/merged/$target
  rm -rf "$all" && mkdir -p "$all" && cp "$corpus"/* "$all"
  "$built/$target" -set_cover_merge=1 -use_counters=0 "$all" "$out/corpus/$target" >"$out/merged/$target.log" 2>&1
  before=$(ls "$corpus" | wc -l)
  ls -rS "$all" | while read -r name; do [ -e "$corpus/$name" ] || echo "$name"; done | head -n "$most" |
    while read -r name; do cp "$all/$name" "$corpus"; done
  echo "  $target: $(ls "$corpus" | wc -l) files, $before before"
done
