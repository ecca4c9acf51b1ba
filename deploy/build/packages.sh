# Sourced by the build scripts: how Debian packages are installed, and how a script gives up.

die() {
    echo "filterd build: $*" >&2
    exit 1
}

# install_packages NAME...: with apt-get, as root or by sudo without a question.
install_packages() {
    local become=()
    command -v apt-get >/dev/null || die "please install: $* (this script can do it only with apt-get)"
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || die "may not install packages; run as root: apt-get install $*"
        become=(sudo -n)
    fi
    echo "installing: $*"
    # Builds side by side take turns.
    local turn
    exec {turn}>"${TMPDIR:-/tmp}/filterd-build-$(id -u).lock"
    flock "$turn"
    "${become[@]}" apt-get update -qq
    # policy-rc.d keeps the servers that tests start themselves from being started as services.
    local policy=/usr/sbin/policy-rc.d made=no
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${become[@]}" tee "$policy" >/dev/null
        "${become[@]}" chmod +x "$policy"
        made=yes
    fi
    local status=0
    DEBIAN_FRONTEND=noninteractive "${become[@]}" apt-get install -y -qq --no-install-recommends "$@" >/dev/null || status=$?
    [ "$made" = no ] || "${become[@]}" rm -f "$policy"
    exec {turn}>&-
    [ "$status" -eq 0 ] || die "apt-get install failed for: $*"
}

# install_python PYTHON PIP-OPTION...: locked packages for that interpreter. uv takes seconds where pip
# takes a minute; pip is asked where uv, which does not read pip's configuration, reaches no index.
install_python() {
    local python=$1 uv=.venv/bin/uv
    shift
    if [ ! -x "$uv" ]; then
        awk '/^uv==/ {found = 1} found {print} found && !/\\$/ {exit}' requirements/dev.txt |
            .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r /dev/stdin
    fi
    "$uv" pip install --quiet --python "$python" --require-hashes "$@" ||
        "$python" -m pip install --quiet --disable-pip-version-check --require-hashes "$@"
}
