#!/bin/sh
# The main job on a sample repository. It works on a copy, so that every run starts from the same place.
#
#   scripts/demo.sh PATH-TO-TENON

set -eu

tenon=${1:?usage: scripts/demo.sh PATH-TO-TENON}
examples=$(CDPATH='' cd -- "$(dirname -- "$0")/../examples" && pwd)
intent='add slugify(title) to text.py: lower case, words joined by hyphens, punctuation dropped, e.g. slugify("Hello, World!") == "hello-world"'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cp -R "$examples/textkit" "$work/textkit"
cd "$work/textkit"
git init -q .
git add -A
git -c user.name=demo -c user.email=demo@localhost commit -q -m "Start"

printf '\n$ tenon generate %s\n\n' "'$intent'"
"$tenon" generate "$intent"
