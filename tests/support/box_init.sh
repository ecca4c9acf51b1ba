#!/bin/sh
# The first process of a box (box.py), in namespaces of its own: makes a root that shows the machine's
# programs and keeps what is written in WORK, the box's disk, and becomes systemd.
#   box_init.sh WORK CHECKOUT PYTHON SITE SITE_HTTP UNIT...   which are enabled
set -eu
. "$(dirname "$0")/box_root.sh"
work=$1 checkout=$2 python=$3 site=$4 site_http=$5
shift 5
root=$work/root

over() { # a writable view of the folder $1 at $2
    mkdir -p "$work/over/$3/upper" "$work/over/$3/work" "$2"
    mount -t overlay overlay -o "lowerdir=$1,upperdir=$work/over/$3/upper,workdir=$work/over/$3/work" "$2"
}

environment() { # an environment as the package has it: $1 its name, $2 the site-packages
    home=$root/usr/lib/filterd/$1
    mkdir -p "$home/bin"
    ln -sf ../../python/bin/python3 "$home/bin/python"
    printf 'home = /usr/lib/filterd/python/bin\n' >"$home/pyvenv.cfg"
    over "$2" "$home/lib/$(basename "$(dirname "$2")")/site-packages" "$1"
    printf '/usr/lib/filterd/code\n' >"$home/lib/$(basename "$(dirname "$2")")/site-packages/filterd.pth"
}

install_once() { # a disk that is new: "$@" are units
    # A machine with nothing but what Debian's systemd starts by itself.
    rm -rf "$root"/etc/systemd/system/* "$root"/etc/init.d/* "$root"/etc/rc?.d/* "$root"/etc/fstab \
        "$root"/usr/lib/systemd/system-generators/* "$root"/var/log/journal
    printf '%s\n' 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"

    # filterd as its package lays it out.
    mkdir -p "$root/usr/lib/filterd/sysctl.d"
    printf '#!/usr/lib/filterd/venv/bin/python\nimport sys\nfrom filterd.cli.main import main\nsys.exit(main())\n' \
        >"$root/usr/lib/filterd/venv/bin/filterd"
    chmod 755 "$root/usr/lib/filterd/venv/bin/filterd"
    ln -sf ../lib/filterd/venv/bin/filterd "$root/usr/bin/filterd"
    for each in "$checkout"/systemd/*.service "$checkout"/systemd/*.socket "$checkout"/systemd/*.timer; do
        [ ! -e "$each" ] || cp "$each" "$root/usr/lib/systemd/system/"
    done
    cp "$checkout/systemd/sysusers.d/filterd.conf" "$root/usr/lib/sysusers.d/"
    cp "$checkout/systemd/tmpfiles.d/filterd.conf" "$root/usr/lib/tmpfiles.d/"
    cp "$checkout"/systemd/sysctl.d/*.conf "$root/usr/lib/filterd/sysctl.d/"
    chroot "$root" systemd-sysusers filterd.conf
    # A library that Python knows by a path which units may not see.
    if ls "$python"/lib/libpython* >/dev/null 2>&1; then
        echo /usr/lib/filterd/python/lib >"$root/etc/ld.so.conf.d/000-box.conf"
        chroot "$root" ldconfig
    fi
    cp -a "$work.files/." "$root/"
    [ $# -eq 0 ] || systemctl --root="$root" enable "$@"
    touch "$work/installed"
}

mount --make-rprivate /
over / "$root" root
kernel "$root"
mkdir -p "$root/usr/lib/filterd/python" "$root/usr/lib/filterd/code"
mount --rbind "$python" "$root/usr/lib/filterd/python"
mount --rbind "$checkout" "$root/usr/lib/filterd/code"
environment venv "$site"
[ -z "$site_http" ] || environment venv-http "$site_http"
[ -e "$work/installed" ] || install_once "$@"
start "$root"
