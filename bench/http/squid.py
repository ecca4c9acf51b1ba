"""squid with the same names blocked, the same clients spliced and inspected.

Its list has the names alone: for URLs it has regular expressions, which are another thing. One
process, no cache, no log; it reads the SNI and ends, splices, or decrypts with an authority of its
own before it asks the server, as our worker does.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.http.authority import Authority
from bench.http.places import HOSTS, NEVER_ASKED, READ
from bench.http.world import Place, Proxy, connects, started
from bench.places import LOOPBACK
from bench.process import descendants, free_port

PACKAGE = "squid-openssl"
CERTIFICATES = Path("/usr/lib/squid/security_file_certgen")

CONFIG = """\
http_port {host}:{port} ssl-bump tls-cert={folder}/ca.pem generate-host-certificates=on \
dynamic_cert_mem_cache_size=4MB
sslcrtd_program {certificates} -s {folder}/certificates -M 4MB
sslcrtd_children 1 startup=1 idle=1
tls_outgoing_options cafile={trust}
hosts_file {folder}/hosts
dns_nameservers {host}
pid_filename {folder}/squid.pid
coredump_dir {folder}
cache deny all
cache_mem 8 MB
access_log none
cache_log {folder}/cache.log
cache_store_log none
netdb_filename none
logfile_rotate 0
shutdown_lifetime 1 seconds
visible_hostname bench.example
pinger_enable off
forwarded_for delete
via off
acl first at_step SslBump1
acl read src {read}
acl blocked dstdomain "{folder}/blocked"
acl blocked_sni ssl::server_name "{folder}/blocked"
http_access deny blocked
http_access allow all
ssl_bump peek first
ssl_bump terminate blocked_sni
ssl_bump bump read
ssl_bump splice all
"""


def absent() -> str | None:
    """Say why it cannot be measured."""
    if _program() is None:
        return f"squid is not installed; install the Debian package {PACKAGE}"
    if not CERTIFICATES.exists():
        return f"this squid cannot decrypt; install the Debian package {PACKAGE}"
    return None


@contextlib.contextmanager
def squid(place: Place) -> Iterator[Proxy]:
    """Run it. RuntimeError if it does not start."""
    program = _program()
    assert program is not None
    folder, port = place.folder / "squid", free_port()
    folder.mkdir()
    authority = Authority.new("squid's authority")
    trust = folder / "trust.pem"
    trust.write_bytes(authority.pem)
    (folder / "ca.pem").write_bytes(authority.pem + authority.secret_pem)
    (folder / "hosts").write_text("".join(f"{LOOPBACK} {name}\n" for name in HOSTS))
    with place.lists.names.open() as names, (folder / "blocked").open("w") as blocked:
        blocked.write(f".{NEVER_ASKED}\n")
        blocked.writelines(f".{name}" for name in names)
    (folder / "squid.conf").write_text(
        CONFIG.format(
            host=LOOPBACK, port=port, folder=folder, certificates=CERTIFICATES, read=READ,
            trust=place.origin.trust,
        )
    )  # fmt: skip
    database = [str(CERTIFICATES), "-c", "-s", f"{folder}/certificates", "-M", "4MB"]
    subprocess.run(database, check=True, stdout=subprocess.DEVNULL)
    if os.geteuid() == 0:
        for each in (folder, *folder.rglob("*")):
            shutil.chown(each, "proxy", "proxy")
    command = [program, "-N", "-f", str(folder / "squid.conf")]
    with started(command, folder / "out.log", lambda: connects(port)) as process:
        yield Proxy("squid", port, (process.pid, *descendants(process.pid)), trust)


def _program() -> str | None:
    return shutil.which("squid", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
