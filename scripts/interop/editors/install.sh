#!/bin/sh
# Makes a root of Debian sid with the terminal editors that drive.py types into, once for each list of packages.
#
#   scripts/interop/editors/install.sh FOLDER
set -eu

[ $# -eq 1 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
folder=$1
# curl is how llama.vim asks; git and python3 are what `tenon lsp` runs for errands.
packages="hx neovim vim vim-llama.cpp vim-ale emacs-nox curl ca-certificates git python3"

missing=
for program in mmdebstrap tmux bwrap; do
    command -v "$program" >/dev/null || missing="$missing $program"
done
if [ -n "$missing" ]; then
    echo "editors: missing:$missing; install them with: apt-get install mmdebstrap tmux bubblewrap" >&2
    exit 1
fi
if [ "$(cat "$folder/installed" 2>/dev/null || true)" = "$packages" ]; then
    exit 0
fi
echo "editors: installing $packages (half a gigabyte)" >&2
rm -rf "$folder"
mkdir -p "$folder/root"
# By way of an archive, so that everything belongs to whoever asked, root or not. A mirror may be days behind.
mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --include="$(echo "$packages" | tr ' ' ',')" sid "$folder/root.tar" http://deb.debian.org/debian
tar -x --no-same-owner --exclude='./dev/*' -f "$folder/root.tar" -C "$folder/root"
rm "$folder/root.tar"
printf '%s\n' "$packages" >"$folder/installed"
