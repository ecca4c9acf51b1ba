#!/bin/sh
# The first process of a clean Debian (debian.py), in namespaces of its own: a writable view of the root
# BASE, which becomes systemd's.
#   debian_init.sh WORK BASE
set -eu
. "$(dirname "$0")/box_root.sh"
work=$1 base=$2
root=$work/root

mount --make-rprivate /
mount -t tmpfs -o mode=755 box "$work"
mkdir -p "$work/upper" "$work/over" "$root"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/over" "$root"
kernel "$root"
printf '%s\n' 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
[ ! -d "$work.files" ] || cp -R "$work.files/." "$root/"
start "$root"
