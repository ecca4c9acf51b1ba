"""The formats there are. A new one is one line in `FORMATS`."""

from filterd.formats.adblock import Adblock
from filterd.formats.address_list import AddressList
from filterd.formats.base import Format
from filterd.formats.dnsmasq import Dnsmasq
from filterd.formats.domains import exact_domains, only_domains
from filterd.formats.hosts import Hosts
from filterd.formats.regex import Regex
from filterd.formats.rpz import Rpz
from filterd.formats.url_list import UrlList
from filterd.formats.wildcard import Wildcard
from filterd.model.errors import RulesError

FORMATS: tuple[Format, ...] = (
    Adblock(),
    Hosts(),
    exact_domains(),
    only_domains(),
    Wildcard(),
    Dnsmasq(),
    Rpz(),
    Regex(),
    AddressList(),
    UrlList(),
)
ALIASES = {
    "abp": "adblock",
    "adguard": "adblock",
    "ags": "adblock",
    "domain": "domains",
    "plain": "domains",
    "only-domains": "onlydomains",
    "wildcards": "wildcard",
    "response-policy-zone": "rpz",
    "pihole-regex": "regex",
    "ip": "addresses",
    "ips": "addresses",
    "url": "urls",
}


def by_name(name: str) -> Format:
    """Return the format of that name or alias, in any case.

    Raises:
        RulesError: there is none; the message lists those there are.
    """
    wanted = ALIASES.get(name.lower(), name.lower())
    for each in FORMATS:
        if each.name == wanted:
            return each
    known = ", ".join(each.name for each in FORMATS)
    raise RulesError(f"unknown list format {name!r}; known formats: {known}")
