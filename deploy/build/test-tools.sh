#!/usr/bin/env bash
# The real programs that the tests drive: clients, resolvers, servers.
set -euo pipefail
cd "$(dirname "$0")/../.."
source deploy/build/packages.sh

need=()
for pair in curl:curl git:git dpkg:dpkg chromium:chromium certutil:libnss3-tools dig:bind9-dnsutils kdig:knot-dnsutils unbound:unbound knotd:knot nft:nftables nginx:nginx-light openssl:openssl zstd:zstd promtool:prometheus ip:iproute2 named:bind9 dnsmasq:dnsmasq-base valgrind:valgrind nats-server:nats-server faketime:faketime systemd-analyze:systemd systemd-socket-activate:systemd mount:mount unshare:util-linux strace:strace mmdebstrap:mmdebstrap nsenter:util-linux systemctl:systemd busybox:busybox kea-dhcp4:kea-dhcp4-server kea-dhcp6:kea-dhcp6-server dhclient:isc-dhcp-client dhcpd:isc-dhcp-server radclient:freeradius-utils dnsdist:dnsdist exabgp:exabgp bird:bird2 vtysh:frr zsh:zsh fish:fish; do
    command -v "${pair%%:*}" >/dev/null || [ -x "/usr/sbin/${pair%%:*}" ] || need+=("${pair##*:}")
done
command -v softhsm2-util >/dev/null && command -v pkcs11-tool >/dev/null || need+=(softhsm2 opensc)
# Debian puts the server's programs where no PATH leads; the tests start one of their own.
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || command -v postgres >/dev/null || need+=(postgresql)
[ ${#need[@]} -eq 0 ] || install_packages "${need[@]}"

# Perceptual hashes: one of the packages is compiled when it is installed.
if ! .venv/bin/python -c 'import numpy, PIL, pdqhash' 2>/dev/null; then
    need=()
    command -v c++ >/dev/null || need+=(g++)
    .venv/bin/python -c 'import pathlib, sys, sysconfig; sys.exit(not pathlib.Path(sysconfig.get_paths()["include"], "Python.h").exists())' || need+=(python3-dev)
    [ ${#need[@]} -eq 0 ] || install_packages "${need[@]}"
    install_python .venv/bin/python -r requirements/media.txt
fi
