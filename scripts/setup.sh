#!/bin/sh
# Brings a Debian or Ubuntu machine to where Tenon can be built: checks first, installs only what is missing,
# and only as root or with a sudo that asks for nothing. Otherwise it names the packages and stops.
#
#   scripts/setup.sh           what building and running need
#   scripts/setup.sh --tests   that, and what the tests need besides

set -eu

minimum_rust=1.95
with_tests=no
packages=""

say() { printf '%s\n' "$*"; }
fail() {
    printf 'error: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
need() { packages="$packages $1"; }

has_libclang() {
    for folder in "${LIBCLANG_PATH:-/nonexistent}" /usr/lib/llvm-*/lib /usr/lib/*-linux-gnu /usr/lib64 /usr/lib /usr/local/lib; do
        for library in "$folder"/libclang.so "$folder"/libclang.so.* "$folder"/libclang-*.so*; do
            [ -e "$library" ] && return 0
        done
    done
    return 1
}

# bindgen reads C headers with libclang, and libclang brings its own stddef.h in another package.
has_clang_headers() {
    for header in /usr/lib/llvm-*/lib/clang/*/include/stddef.h /usr/lib/clang/*/include/stddef.h /usr/lib64/clang/*/include/stddef.h; do
        [ -e "$header" ] && return 0
    done
    return 1
}

# Debian puts the programs of the server beside its version, and not on PATH.
has_postgres() {
    have initdb && return 0
    for program in /usr/lib/postgresql/*/bin/initdb; do
        [ -e "$program" ] && return 0
    done
    return 1
}

list_missing() {
    have cmake || need cmake
    have g++ || need g++
    have make || need make
    { has_libclang && has_clang_headers; } || need libclang-dev
    have bwrap || need bubblewrap
    have git || need git
    have python3 || need python3
    python3 -m pip --version >/dev/null 2>&1 || need python3-pip
    [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] || need ca-certificates
    if [ "$with_tests" = yes ]; then
        python3 -c 'import ensurepip' 2>/dev/null || need python3-venv
        have node || need nodejs
        have npm || need npm
        have nvim || need neovim
        has_postgres || need postgresql
        have promtool || need prometheus
    fi
}

# Words apart on purpose: $packages and $prefix are lists.
# shellcheck disable=SC2086
install_missing() {
    if ! have apt-get; then
        fail "these are missing, and this machine has no apt-get to install them:$packages" \
            "install what your distribution calls them, then run this again"
    fi
    if [ "$(id -u)" -eq 0 ]; then
        prefix=""
    elif have sudo && sudo -n true 2>/dev/null; then
        prefix="sudo -n"
    else
        fail "these packages are missing:$packages" \
            "install them as root, then run this again:" \
            "apt-get update && apt-get install -y --no-install-recommends$packages"
    fi
    say "setup: installing$packages"
    $prefix env DEBIAN_FRONTEND=noninteractive apt-get update -q </dev/null ||
        say "setup: the package lists could not be refreshed; trying with the old ones"
    $prefix env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $packages </dev/null ||
        fail "apt-get could not install:$packages" "read its message above; check the network and /etc/apt/sources.list"
}

check_rust() {
    if ! have cargo || ! have rustc; then
        fail "Rust is not installed, or not on PATH" \
            "install it from https://rustup.rs (rustc $minimum_rust or newer), then open a new shell"
    fi
    version=$(rustc --version | cut -d' ' -f2 | cut -d- -f1)
    oldest=$(printf '%s\n%s\n' "$minimum_rust" "$version" | sort -V | head -n 1)
    if [ "$oldest" != "$minimum_rust" ]; then
        fail "rustc is $version, and $minimum_rust or newer is needed" "run: rustup update stable"
    fi
}

check_rust_component() {
    cargo "$1" --version >/dev/null 2>&1 && return 0
    have rustup && rustup component add "$2" </dev/null && return 0
    fail "cargo $1 is missing" "run: rustup component add $2"
}

# A sandbox that is installed may still be refused by the kernel; said here, because tests would fail for it later.
check_sandbox() {
    bwrap --ro-bind / / --unshare-all --die-with-parent true 2>/dev/null && return 0
    say "setup: warning: bubblewrap is installed, but this machine does not let it make namespaces."
    say "       Checks that run code will be refused. Mend, as root:"
    say "       sysctl -w kernel.unprivileged_userns_clone=1; on Ubuntu 24.04 also kernel.apparmor_restrict_unprivileged_userns=0"
}

for argument in "$@"; do
    case "$argument" in
    --tests) with_tests=yes ;;
    *) fail "unknown argument \`$argument\`" "usage: scripts/setup.sh [--tests]" ;;
    esac
done

check_rust
list_missing
[ -z "$packages" ] || install_missing
if [ "$with_tests" = yes ]; then
    check_rust_component fmt rustfmt
    check_rust_component clippy clippy
fi
check_sandbox
say "setup: everything needed is here"
