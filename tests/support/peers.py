"""Other filtering resolvers on loopback, to compare outcomes with: BIND with response policy zones
and dnsmasq. They ask nobody but the upstream they are given.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

from tests.support.dnsclient import query_of
from tests.support.needs import program
from tests.support.servers import answers_dns, free_port, running

HOST = "127.0.0.1"
SILENCE_SECONDS = 1.0  # without an answer for so long there is none

Outcome = tuple[str, bool, tuple[str, ...]]


@contextmanager
def bind(folder: Path, upstream: int, zones: Mapping[str, str], ready: str) -> Iterator[int]:
    """Run BIND before `upstream` with policy `zones` (name to master file), in order; its port.

    `ready` is a name that it answers with NOERROR.
    """
    path = program("named", "bind9")
    folder.mkdir(parents=True)
    port = free_port()
    for name, text in zones.items():
        (folder / f"{name}.zone").write_text(text)
    policies = " ".join(f'zone "{name}" add-soa no;' for name in zones)
    config = [
        "options {",
        f'  directory "{folder}";',
        f"  listen-on port {port} {{ {HOST}; }}; listen-on-v6 {{ none; }};",
        f"  forward only; forwarders {{ {HOST} port {upstream}; }};",
        "  pid-file none; recursion yes; allow-query { any; }; allow-recursion { any; };",
        "  dnssec-validation no; empty-zones-enable no; minimal-responses yes;",
        f"  response-policy {{ {policies} }} qname-wait-recurse no;",
        "};",
        "controls { };",
        *(f'zone "{name}" {{ type primary; file "{folder}/{name}.zone"; }};' for name in zones),
    ]
    file = folder / "named.conf"
    file.write_text("\n".join(config) + "\n")
    command = [path, "-f", "-n", "1", "-c", str(file)]
    with running(command, folder / "named.log", lambda: answers_dns(HOST, port, ready)):
        yield port


@contextmanager
def dnsmasq(folder: Path, upstream: int, lines: Sequence[str], ready: str) -> Iterator[int]:
    """Run dnsmasq before `upstream` with `lines` of configuration; its port."""
    path = program("dnsmasq", "dnsmasq-base")
    folder.mkdir(parents=True)
    port = free_port()
    config = [
        *("no-resolv", "no-hosts", "no-poll", "bind-interfaces", "user=root", "pid-file"),
        *(f"port={port}", f"listen-address={HOST}", f"server={HOST}#{upstream}"),
        *lines,
    ]
    file = folder / "dnsmasq.conf"
    file.write_text("\n".join(config) + "\n")
    command = [path, "--keep-in-foreground", f"--conf-file={file}"]
    with running(command, folder / "dnsmasq.log", lambda: answers_dns(HOST, port, ready)):
        yield port


def outcome(port: int, name: str, kind: str = "A", source: str = HOST) -> Outcome:
    """Return rcode, whether the answer was cut off, and its data of that type, sorted.

    The rcode is "silence" where none comes. CNAME targets are left out: programs differ in whether
    they show the first one, and what counts is where the client ends.
    """
    query = query_of(name, kind)
    try:
        answer = dns.query.udp(query, HOST, timeout=SILENCE_SECONDS, port=port, source=source)
    except dns.exception.Timeout:
        return "silence", False, ()
    wanted = dns.rdatatype.from_text(kind)
    data = (
        str(item).lower() for rrset in answer.answer if rrset.rdtype == wanted for item in rrset
    )
    cut = bool(answer.flags & dns.flags.TC)
    return dns.rcode.to_text(answer.rcode()), cut, tuple(sorted(data))
