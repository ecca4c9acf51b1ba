"""What a name says of an attempt. Standard library only; pure."""

import re

from filterd.bypass.signals import Signal
from filterd.model.name import parents

# Names that outer ClientHellos show in the place of the real one (RFC 9849 section 6.1): the first
# is the one in use for millions of sites, the others are of public tests.
ECH_NAMES = frozenset({"cloudflare-ech.com", "public.tls-ech.dev", "cover.defo.ie"})
TOR_NAMES = frozenset({"onion", "torproject.org", "torproject.net"})
# Names of rules/bypass.yaml that are no resolvers: a name below them is answered with the address
# that is written in it.
ADDRESS_NAMES = frozenset({"nip.io", "sslip.io", "traefik.me", "xip.io", "xip.name"})
CATEGORY = "bypass"  # of rules/categories.yaml
# Tor makes up a name for each connection: 4 to 25 letters of base32 between `www.` and `.com`.
_MADE_UP = re.compile(r"www\.(?=[a-z]*[2-7])[a-z2-7]{4,25}\.com")


def signal_of_name(name: str) -> Signal | None:
    """Return what a name that was asked for or shown says by itself, or None."""
    above = list(parents(name))
    if not TOR_NAMES.isdisjoint(above):
        return Signal.TOR
    return None


def signal_of_rule(name: str, source: str | None, category: str | None) -> Signal | None:
    """Return what a block of `name` (or of the rule's pattern) says, by the rule's source
    (`policy.classes.source_of`) and category. Names that devices ask by themselves to hear whether
    a network filters (source `canary`) say nothing.
    """
    if (found := signal_of_name(name)) is not None:
        return found
    if source == CATEGORY:  # the rule book's names
        return Signal.DOH if ADDRESS_NAMES.isdisjoint(parents(name)) else Signal.NAME
    return Signal.NAME if category == CATEGORY else None


def signal_of_hello(sni: str, *, ech: bool) -> Signal | None:
    """Return what a ClientHello says by itself. That extension 0xfe0d is there says nothing:
    browsers send it everywhere (GREASE, RFC 9849 section 6.2).
    """
    if ech and sni in ECH_NAMES:
        return Signal.ECH
    return signal_of_name(sni)


def signal_of_unresolved(sni: str) -> Signal:
    """Return what it says that `sni` is connected to and nobody asked our DNS for it."""
    return Signal.TOR if _MADE_UP.fullmatch(sni) else Signal.SNI
