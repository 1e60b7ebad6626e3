#!/bin/sh
# Installs clients that are driven against `tenon serve`, once for each list of versions: those of the tests, or of LISTS.
#
#   scripts/clients.sh FOLDER [LISTS]
set -eu

[ $# -eq 1 ] || [ $# -eq 2 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
folder=$1
lists=${2:-crates/interface/cli/tests/clients}
wanted=$(cat "$lists/requirements.txt" "$lists/package-lock.json" | sha256sum)
if [ "$(cat "$folder/installed" 2>/dev/null || true)" = "$wanted" ]; then
    exit 0
fi
echo "clients: installing those of $lists" >&2
rm -rf "$folder"
mkdir -p "$folder"
python3 -m venv "$folder/python"
"$folder/python/bin/pip" install -q --disable-pip-version-check --no-deps -r "$lists/requirements.txt"
cp "$lists/package.json" "$lists/package-lock.json" "$folder/"
(cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel error)
printf '%s\n' "$wanted" >"$folder/installed"
