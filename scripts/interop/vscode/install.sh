#!/bin/sh
# Installs VS Code as a server and what drives a browser, once for each list of versions.
#
#   scripts/interop/vscode/install.sh FOLDER
#
# It needs Node 20 with its headers, a compiler, and Chromium (`apt-get install chromium`).
set -eu

[ $# -eq 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
folder=$1
lists=$(dirname "$0")
wanted=$(cat "$lists/package.json" "$lists/package-lock.json" "$0" | sha256sum)
if [ "$(cat "$folder/installed" 2>/dev/null || true)" = "$wanted" ]; then
    exit 0
fi
echo "vscode: installing the editor of $lists" >&2
rm -rf "$folder"
mkdir -p "$folder"
cp "$lists/package.json" "$lists/package-lock.json" "$folder/"

# Headers that lie beside Node need not be fetched from its site.
headers=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
if [ -e "$headers/include/node/node_version.h" ]; then
    export npm_config_nodedir="$headers"
fi
take() { npm ci --ignore-scripts --no-audit --no-fund --loglevel error "$@"; }
cd "$folder"
take

# Where code-server's own script ends with an error: it asks for binaries outside the registry, and for nothing that is locked.
# Peers are left out for the same reason. Search, terminals and Kerberos are not driven, so they are not built.
(
    cd node_modules/code-server/lib/vscode
    take --omit=dev --legacy-peer-deps
    npm rebuild --loglevel error @vscode/spdlog native-watchdog
    ln -sfn node_modules node_modules.asar
    ln -sfn code-linux.sh bin/remote-cli/code-server
    ln -sfn browser-linux.sh bin/helpers/browser.sh
)
(cd node_modules/argon2 && ../.bin/node-pre-gyp install --build-from-source --loglevel error >/dev/null)

printf '%s\n' "$wanted" >installed
