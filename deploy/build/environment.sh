#!/usr/bin/env bash
# Makes what the build needs: a C compiler, a Rust toolchain, Python with venv, and .venv with the
# locked packages. Installs Debian packages where something is missing and it may.
set -euo pipefail
cd "$(dirname "$0")/../.."
source deploy/build/packages.sh

rust_enough() { # Rust 1.88 or newer
    command -v cargo >/dev/null && command -v rustc >/dev/null &&
        printf '1.88.0\n%s\n' "$(rustc --version 2>/dev/null | awk '{print $2}')" | sort -VC
}
python_enough() {
    "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

need=()
command -v cc >/dev/null || need+=(gcc libc6-dev)
rust_enough || need+=("$(apt-cache show cargo-web >/dev/null 2>&1 && echo 'cargo-web rustc-web' || echo 'cargo rustc')")
# Debian's own first: it is what the package runs on, and one that was built here without profiles
# takes half as long again for everything.
linkable() {
    "$1" -c 'import os, sys, sysconfig as s; sys.exit(not os.path.exists(os.path.join(s.get_config_var("LIBDIR"), s.get_config_var("LDLIBRARY"))))' 2>/dev/null
}
python=""
for candidate in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
    if python_enough "$candidate" && linkable "$candidate"; then python=$candidate; break; fi
done
[ -n "$python" ] || need+=(python3 python3-venv)
# shellcheck disable=SC2068 # one entry may hold two packages
[ ${#need[@]} -eq 0 ] || install_packages ${need[@]}
[ -n "$python" ] || python=python3
rust_enough || die "Rust 1.88 or newer is needed; found: $(rustc --version 2>/dev/null || echo none). Install rustup, or Debian's cargo-web."

if [ ! -x .venv/bin/python ] || ! python_enough .venv/bin/python; then
    rm -rf .venv
    "$python" -m venv .venv
fi
echo "installing Python packages into .venv ..."
install_python .venv/bin/python -r requirements/dev.txt
