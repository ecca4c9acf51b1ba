"""A real Knot DNS that is authoritative for example.test: UDP and TCP."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.needs import program
from tests.support.servers import answers_dns, free_port, running

ZONE = """\
$ORIGIN example.test.
$TTL 300
@     SOA ns hostmaster 1 3600 600 86400 60
      NS  ns
ns    A   127.0.0.1
www   A   192.0.2.1
      AAAA 2001:db8::1
dns   A   127.0.0.1
"""


@contextmanager
def knot(folder: Path, host: str = "127.0.0.1") -> Iterator[int]:
    """Run Knot on `host`; gives its port."""
    path = program("knotd", "knot")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port(host)
    many = "".join(f"many  TXT {c * 200}\n" for c in "abcdefghijklmnopqrst")
    (folder / "example.test.zone").write_text(ZONE + many)
    config = folder / "knot.conf"
    config.write_text(
        f"server:\n    rundir: {folder}\n    listen: {host}@{port}\n    udp-workers: 1\n"
        "    tcp-workers: 1\n    background-workers: 1\n"
        f"database:\n    storage: {folder}\n"
        f"zone:\n  - domain: example.test\n    storage: {folder}\n    file: example.test.zone\n"
    )
    with running(
        [path, "-c", str(config)],
        folder / "knot.log",
        lambda: answers_dns(host, port, "www.example.test"),
    ):
        yield port
