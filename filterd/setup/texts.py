"""The files of other programs on a box: Unbound, nftables, dnsmasq, systemd."""

import ipaddress

from filterd.config.setup import SetupConfig

UNBOUND = """\
# A validating resolver for filterd alone, which asks it on this address and port. It asks the root
# servers and down, so no foreign resolver sees what a school asks for. Debian's own
# root-auto-trust-anchor-file.conf beside this file has the root's key.
server:
    interface: 127.0.0.1@5335
    access-control: 127.0.0.0/8 allow
    # A question goes to each server with no more of the name than it needs (RFC 9156).
    qname-minimisation: yes
    # An answer without its signature, where one is due, is none; what is proven absent (RFC 8198)
    # is not asked for again.
    harden-dnssec-stripped: yes
    aggressive-nsec: yes
    # No fragments (RFC 9715).
    edns-buffer-size: 1232
    hide-identity: yes
    hide-version: yes
    # filterd has the cache that clients meet; this one is for delegations and keys.
    msg-cache-size: 16m
    rrset-cache-size: 32m
    prefetch-key: yes
    # Why a name is bogus goes into the answer (RFC 8914), which filterd passes on.
    ede: yes
    val-log-level: 1
"""


def masquerade(answers: SetupConfig) -> str:
    """Return a table of its own, so that filterd's stays what `filterd gateway plan` shows. IPv4
    alone: a school's IPv6 addresses are its own.
    """
    lan = ", ".join(f'"{name}"' for name in answers.lan)
    out = ", ".join(f'"{name}"' for name in answers.uplink)
    where = f"oifname {{ {out} }}" if out else f"oifname != {{ {lan} }}"
    return f"""\
table ip filterd_uplink
delete table ip filterd_uplink
table ip filterd_uplink {{
    chain from_lan {{
        type nat hook postrouting priority srcnat;
        iifname {{ {lan} }} {where} masquerade
    }}
}}
"""


def dnsmasq(answers: SetupConfig) -> str:
    """Return a configuration for dnsmasq that gives out the upper half of each IPv4 network, and
    leaves DNS alone (port 0). A network smaller than eight addresses is left to the reader.
    """
    lines = ["# Gives out addresses; DNS is filterd's.", "port=0", "dhcp-authoritative"]
    lines += [f"interface={name}" for name in answers.lan]
    for each in (ipaddress.IPv4Interface(one) for one in answers.addresses if ":" not in one):
        net = each.network
        if net.num_addresses < 8:
            continue
        tag = f"net{net.network_address}".replace(".", "-")
        first = net.network_address + net.num_addresses // 2
        last = net.broadcast_address - 1
        if first <= each.ip <= last:  # this machine is in the upper half: give out the lower
            first, last = net.network_address + 1, net.network_address + net.num_addresses // 2 - 1
        lines += [
            f"dhcp-range=set:{tag},{first},{last},{net.netmask},8h",
            f"dhcp-option=tag:{tag},option:dns-server,{each.ip}",
        ]
        if answers.gateway:
            lines.append(f"dhcp-option=tag:{tag},option:router,{each.ip}")
    return "\n".join(lines) + "\n"


def masquerade_unit(path: str) -> str:
    """Return the drop-in that puts `masquerade` in force with the gateway's table."""
    return f"""\
[Service]
ExecStartPre=/usr/sbin/nft -f {path}
ExecReload=/usr/sbin/nft -f {path}
"""


def sockets(answers: SetupConfig) -> str:
    """Return the drop-in that has systemd hold the doors, so that a restart loses no query."""
    lines = ["[Socket]", "ListenDatagram=", "ListenStream="]
    for each in map(ipaddress.ip_interface, answers.addresses):
        door = f"{each.ip}:53" if each.version == 4 else f"[{each.ip}]:53"
        lines += [f"ListenDatagram={door}", f"ListenStream={door}"]
    return "\n".join(lines) + "\n"


# systemd/filterd.service.d/egress.conf, word for word.
EGRESS_UNIT = """\
# For gateway.egress.groups alone: the daemon tells the firewall which addresses it answered with.
# Into /etc/systemd/system/filterd.service.d/; `filterd setup` does it where groups are strict.
[Service]
AmbientCapabilities=CAP_NET_ADMIN
CapabilityBoundingSet=CAP_NET_ADMIN
PrivateUsers=no
# For that right it gives up priorities: lists are compiled as an equal of what answers.
SystemCallFilter=~@resources
"""
