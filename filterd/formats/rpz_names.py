"""Owner names of a response policy zone: which trigger they are, and the addresses in them.

An address is written backwards behind its prefix length: `24.0.2.0.192.rpz-ip` is 192.0.2.0/24,
`48.zz.1.db8.2001.rpz-client-ip` is 2001:db8:1::/48, where `zz` stands for `::`
(draft-vixie-dnsop-dns-rpz section 4).
"""

from ipaddress import IPv4Network, IPv6Network

from filterd.formats.addresses import network_pattern
from filterd.formats.base import Options
from filterd.formats.names import check_width, read_name
from filterd.formats.refusals import Code, Refused
from filterd.model.rule import NamePattern, NetworkPattern, Scope, Trigger

_NETWORKS = {"rpz-ip": Trigger.ANSWER, "rpz-client-ip": Trigger.CLIENT}
_UNSUPPORTED = {
    "rpz-nsip": "needs the addresses of name servers, which a forwarder does not see",
    "rpz-nsdname": "needs the names of name servers, which a forwarder does not see",
}


def read_trigger(owner: str, options: Options) -> NamePattern | NetworkPattern:
    """Return the pattern of `owner`, a name without the zone's own.

    Raises:
        Refused: an unsupported trigger, a malformed address, no name, or too wide.
    """
    head, _, last = owner.rpartition(".")
    kind = last.lower()
    if kind in _UNSUPPORTED:
        raise Refused(Code.UNSUPPORTED_TRIGGER, f"{kind} {_UNSUPPORTED[kind]}")
    if kind in _NETWORKS:
        return _network(head.lower().split("."), _NETWORKS[kind], options)
    if owner == "*":
        check_width("", Scope.SUBTREE, options)
        return NamePattern("", Scope.SUBTREE)
    below = owner.startswith("*.")
    name = read_name(owner[2:] if below else owner)
    scope = Scope.BELOW if below else Scope.EXACT
    check_width(name, scope, options)
    return NamePattern(name, scope)


def _network(labels: list[str], trigger: Trigger, options: Options) -> NetworkPattern:
    prefix, reverse = labels[0], labels[:0:-1]
    try:
        if len(reverse) == 4 and "zz" not in reverse:
            network = str(IPv4Network(f"{'.'.join(reverse)}/{prefix}", strict=True))
        else:
            network = str(IPv6Network(f"{_ipv6(reverse)}/{prefix}", strict=True))
    except ValueError as error:
        raise Refused(Code.BAD_ADDRESS, str(error)) from error
    pattern = network_pattern(network, trigger, options)
    if pattern is None:
        raise Refused(Code.BAD_ADDRESS, f"not a network: {network}")
    return pattern


def _ipv6(groups: list[str]) -> str:
    """Return the textual address; `zz` at an end needs the second colon that joining leaves out."""
    text = ":".join("" if group == "zz" else group for group in groups)
    if groups[:1] == ["zz"]:
        text = f":{text}"
    if groups[-1:] == ["zz"]:
        text = f"{text}:"
    return text
