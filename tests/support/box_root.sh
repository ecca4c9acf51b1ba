# What each machine of the tests has in its root besides files, read by box_init.sh and debian_init.sh.

kernel() { # below the root $1: what the kernel shows, devices, and what is empty at each start
    for each in proc sys dev run tmp; do mkdir -p "$1/$each"; done
    mount -t proc -o nosuid,nodev,noexec proc "$1/proc"
    # What the kernel has for all is not the box's to set; the network it has to itself.
    mount --bind "$1/proc/sys" "$1/proc/sys"
    mount -o remount,bind,ro "$1/proc/sys"
    mount --bind /proc/sys/net "$1/proc/sys/net"
    mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$1/sys"
    mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 dev "$1/dev"
    mkdir "$1/dev/shm" "$1/dev/pts" "$1/dev/net"
    for each in null:3 zero:5 full:7 random:8 urandom:9 console:3; do
        mknod -m 666 "$1/dev/${each%:*}" c 1 "${each#*:}"
    done
    mknod -m 666 "$1/dev/tty" c 5 0
    mount -t tmpfs -o mode=1777 shm "$1/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$1/dev/pts"
    ln -s pts/ptmx "$1/dev/ptmx"
    for each in fd:/proc/self/fd stdin:/proc/self/fd/0 stdout:/proc/self/fd/1 stderr:/proc/self/fd/2; do
        ln -s "${each#*:}" "$1/dev/${each%%:*}"
    done
    mount -t tmpfs -o mode=755,nosuid,nodev run "$1/run"
    mount -t tmpfs -o mode=1777,nosuid,nodev tmp "$1/tmp"
}

start() { # systemd, with the root $1
    cd "$1"
    pivot_root . .
    umount -l .
    mount --make-rshared / # as a machine has it: systemd hands credentials over by it
    exec env -i container=box PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=journal
}
