"""Each way round the filter that docs/bypass.md lists, tried with real tools on a device of the world,
over IPv4 and IPv6. Whoever tries says what it met; what is not stopped fails the test.
"""

import subprocess
import sys
import time

from tests.e2e.test_bypass_http import SEND
from tests.support.hellos import hello, outer_ech, records, server_name
from tests.support.internet import (
    BOTH,
    DOH,
    KNOWN,
    LIE,
    NAMELESS,
    ROGUE,
    TUNNELS,
    WEB_ELSEWHERE,
    page,
    site,
    url_host,
)
from tests.support.needs import program
from tests.support.world import PAGE, Host

REFUSED = "Connection refused"
PROHIBITED = {4: "No route to host", 6: "Permission denied"}
AT_ONCE = 1.0  # seconds
KINDS = {4: "A", 6: "AAAA"}
PACE = 0.02  # seconds; the kernel tells each device of a hundred refusals a second, and no more


def resolver(host: Host, *, strict: bool) -> None:
    """A foreign resolver: ours answers in its place, with the block."""
    for version in BOTH:
        for way in ("+notcp", "+tcp"):
            for _ in range(2):
                found = host.dig(way, f"@{ROGUE[version]}", site("grown"), KINDS[version])
                assert found.data(KINDS[version]) == [PAGE[version]], found.text


def dot(host: Host, *, strict: bool) -> None:
    """DNS over TLS, and a bare handshake at its port."""
    kdig, openssl = program("kdig", "knot-dnsutils"), program("openssl", "openssl")
    for version in BOTH:
        where = ROGUE[version]
        done = host.run(kdig, "+tls", "+retry=0", f"@{where}", site("grown"))
        assert (done.returncode, "ANSWER" in done.stdout) == (1, False), done
        done = host.run(openssl, "s_client", "-connect", f"{url_host(where)}:853")
        assert (done.returncode, REFUSED in done.stderr) == (1, True), done
        met = host.reach("udp", where, 853)[0]  # DNS over QUIC
        assert met == PROHIBITED[version]


def doh(host: Host, *, strict: bool) -> None:
    """DNS over HTTPS at an address that the school closes."""
    for version in BOTH:
        assert host.reach("tcp", KNOWN[version], 443)[0] == REFUSED
        for _ in range(2):
            _by_https(host, version, f"https://{url_host(KNOWN[version])}/dns-query")


def sni(host: Host, *, strict: bool) -> None:
    """DNS over HTTPS at an address that nobody knows: its name was never asked for here."""
    for version in BOTH:
        # Each time another: a name that somebody had looked for a moment ago is no news.
        known_as = f"{host.port}.v{version}.{DOH}"
        there = ("--resolve", f"{known_as}:443:{ROGUE[version]}")
        for _ in range(3):
            _by_https(host, version, f"https://{known_as}/dns-query", *there)


def _by_https(host: Host, version: int, resolver: str, *words: str) -> None:
    """Try to learn an address over HTTPS, and fail."""
    insecure = ("--doh-insecure", "--doh-url", resolver)
    done = host.curl(f"http://{site('grown')}/", version, *insecure, *words)
    # 6: no such host, and for the same an older curl says 27: out of memory.
    assert (done.returncode in {6, 27}, done.stdout) == (True, "\n000"), done


def address(host: Host, *, strict: bool) -> None:
    """An address by heart: a strict group has no way there."""
    for version in BOTH:
        there = f"{site('open')}:{WEB_ELSEWHERE}"
        words = ("-k", "--resolve", f"{there}:{NAMELESS[version]}")
        done = host.curl(f"https://{there}/", version, *words)
        assert (done.returncode, page("open") in done.stdout) == (
            (7, False) if strict else (0, True)
        ), done
        for _ in range(5):
            met = host.reach("tcp", NAMELESS[version], WEB_ELSEWHERE)[0]
            assert met == (REFUSED if strict else "answered")


def vpn(host: Host, *, strict: bool) -> None:
    """WireGuard and OpenVPN: refused to a strict group, counted for others."""
    _tunnels(host, strict=strict, udp=(1194, 51820), tcp=(1194,))


def ipsec(host: Host, *, strict: bool) -> None:
    """IKE, which calls over Wi-Fi use too."""
    for _ in range(5):
        _tunnels(host, strict=strict, udp=(500,))


def tor(host: Host, *, strict: bool) -> None:
    """A relay of Tor's."""
    for _ in range(2):
        _tunnels(host, strict=strict, tcp=(9001,))


def _tunnels(
    host: Host, *, strict: bool, udp: tuple[int, ...] = (), tcp: tuple[int, ...] = ()
) -> None:
    assert set(udp) <= set(TUNNELS["udp"])
    assert set(tcp) <= set(TUNNELS["tcp"])
    for version in BOTH:
        for protocol, ports, refused in (("udp", udp, PROHIBITED[version]), ("tcp", tcp, REFUSED)):
            for port in ports:
                met, seconds = host.reach(protocol, NAMELESS[version], port)
                expected = refused if strict else "answered"
                assert (protocol, port, met, seconds < AT_ONCE) == (protocol, port, expected, True)
                time.sleep(PACE)


def ech(host: Host, *, strict: bool) -> None:
    """A hidden name behind one that is known to hide others; it leads to nobody."""
    said = records(hello(server_name("cloudflare-ech.com"), outer_ech())).hex()
    words = [[sys.executable, "-c", SEND, LIE[version], *[said] * 3] for version in BOTH]
    tried = [subprocess.Popen([*host.prefix(), *each]) for each in words]
    assert [each.wait(60) for each in tried] == [0, 0]


def name(host: Host, *, strict: bool) -> None:
    """The site of a service for going round filters."""
    for version in BOTH:
        for _ in range(2):
            found = host.dig(f"@{host.gateway[version]}", site("tricks"), KINDS[version])
            assert found.data(KINDS[version]) == [PAGE[version]], found.text


WAYS = (resolver, dot, doh, sni, address, vpn, ipsec, tor, ech, name)
