"""Lists from a real web server: its ETags, its gzip, its redirects."""

import asyncio
import gzip
import os
import random
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from filterd.lists.fetch import Failed, Fetched, Fetcher, Limits, NotModified
from filterd.lists.remote import open_client
from tests.support.needs import program
from tests.support.servers import free_port, running

LIST = b"".join(b"||host%d.example.com^\n" % i for i in range(20_000))
CONFIG = """
daemon off;
master_process off;
pid {home}/pid;
error_log {home}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {home}/t1; proxy_temp_path {home}/t2; fastcgi_temp_path {home}/t3;
  uwsgi_temp_path {home}/t4; scgi_temp_path {home}/t5;
  types {{ text/plain txt; application/gzip gz; text/html html; }}
  server {{
    listen 127.0.0.1:{port};
    root {home}/www;
    gzip on;
    gzip_types text/plain;
    location /old/ {{ return 301 /list.txt; }}
    location /busy {{ return 503; }}
    error_page 404 /missing.html;
  }}
  server {{
    listen 127.0.0.1:{tls} ssl http2;
    root {home}/www;
    ssl_certificate {home}/cert.pem;
    ssl_certificate_key {home}/key.pem;
    location /down {{ return 302 http://127.0.0.1:{port}/list.txt; }}
    location /version {{ default_type text/plain; return 200 "$server_protocol $host"; }}
  }}
}}
"""

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class Site:
    base: str
    tls: int
    www: Path
    authority: Path


def certificate(home: Path, name: str) -> None:
    """Write a self-signed certificate for `name`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (home / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (home / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))


@pytest.fixture(scope="module")
def nginx(tmp_path_factory):
    found = program("nginx", "nginx-light")
    home = tmp_path_factory.mktemp("nginx")
    home.chmod(0o755)
    www = home / "www"
    www.mkdir()
    (www / "list.txt").write_bytes(LIST)
    (www / "list.gz").write_bytes(gzip.compress(LIST))
    (www / "page.html").write_text("<p>welcome")
    (www / "missing.html").write_text("<p>not here")
    port, tls = free_port(), free_port()
    certificate(home, "lists.example")
    (home / "conf").write_text(CONFIG.format(home=home, port=port, tls=tls))
    base = f"http://127.0.0.1:{port}"
    command = [found, "-c", str(home / "conf"), "-e", str(home / "error.log")]
    with running(command, home / "log", lambda: serves(f"{base}/page.html")):
        yield Site(base, tls, www, home / "cert.pem")


def serves(url: str) -> bool:
    """Say whether `url` can be had."""
    try:
        return httpx.get(url, timeout=1).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def fetch(url: str, into: Path, known=None, progress=None, **client_settings):
    async def run():
        async with open_client(**client_settings) as client:
            fetcher = Fetcher(client, random.Random(1), Limits(tries=1))
            return await fetcher.fetch(url, into, known=known, progress=progress)

    return asyncio.run(run())


@pytest.mark.parametrize("page", ["list.txt", "list.gz", "old/list"])
def test_the_list_however_it_comes(nginx, tmp_path, page):
    base = nginx.base
    seen = []
    got = fetch(f"{base}/{page}", tmp_path / "in", progress=lambda done, total: seen.append(done))
    assert isinstance(got, Fetched)
    assert got.path.read_bytes() == LIST
    assert seen[-1] < len(LIST) / 2, "it came compressed"


def test_only_a_change_is_fetched_again(nginx, tmp_path):
    base, www = nginx.base, nginx.www
    path = www / "changing.txt"
    path.write_bytes(LIST)
    first = fetch(f"{base}/changing.txt", tmp_path / "in")
    assert isinstance(first, Fetched)
    assert first.validators.etag
    assert fetch(f"{base}/changing.txt", tmp_path / "in", first.validators) == NotModified()
    path.write_bytes(LIST + b"||new.example^\n")
    os.utime(path, (1, 1))
    second = fetch(f"{base}/changing.txt", tmp_path / "in", first.validators)
    assert isinstance(second, Fetched)
    assert second.size == first.size + len(b"||new.example^\n")


@pytest.mark.parametrize(
    ("page", "why"), [("page.html", "web page"), ("absent", "404"), ("busy", "503")]
)
def test_what_is_no_list(nginx, tmp_path, page, why):
    base = nginx.base
    got = fetch(f"{base}/{page}", tmp_path / "in")
    assert isinstance(got, Failed)
    assert why in got.reason


async def loopback(host: str):
    return ["127.0.0.1"]


def test_https_by_name_though_no_resolver_knows_it(nginx, tmp_path):
    trusting = ssl.create_default_context(cafile=nginx.authority)
    url = f"https://lists.example:{nginx.tls}"
    got = fetch(f"{url}/version", tmp_path / "in", resolve=loopback, tls=trusting)
    assert isinstance(got, Fetched)
    assert got.path.read_text() == "HTTP/2.0 lists.example"
    got = fetch(f"{url}/list.txt", tmp_path / "in", resolve=loopback, tls=trusting)
    assert isinstance(got, Fetched)
    assert got.path.read_bytes() == LIST


def test_a_certificate_for_another_name_or_of_nobody_is_refused(nginx, tmp_path):
    trusting = ssl.create_default_context(cafile=nginx.authority)
    other = fetch(
        f"https://other.example:{nginx.tls}/list.txt",
        tmp_path / "in",
        resolve=loopback,
        tls=trusting,
    )
    assert isinstance(other, Failed)
    assert "certificate" in other.reason.lower()
    unknown = fetch(
        f"https://lists.example:{nginx.tls}/list.txt", tmp_path / "in", resolve=loopback
    )
    assert isinstance(unknown, Failed)
    assert "certificate" in unknown.reason.lower()


def test_a_real_server_cannot_lead_from_https_to_http(nginx, tmp_path):
    trusting = ssl.create_default_context(cafile=nginx.authority)
    url = f"https://lists.example:{nginx.tls}/down"
    got = fetch(url, tmp_path / "in", resolve=loopback, tls=trusting)
    assert isinstance(got, Failed)
    assert "from https to http" in got.reason


def test_two_hosts_at_one_address_are_checked_each(nginx, tmp_path):
    trusting = ssl.create_default_context(cafile=nginx.authority)

    async def both():
        async with open_client(resolve=loopback, tls=trusting) as client:
            fetcher = Fetcher(client, random.Random(1), Limits(tries=1))
            return [
                await fetcher.fetch(f"https://{host}:{nginx.tls}/list.txt", tmp_path / "in")
                for host in ("lists.example", "other.example", "lists.example")
            ]

    first, other, again = asyncio.run(both())
    assert isinstance(first, Fetched)
    assert isinstance(other, Failed), "the connection of another host was used"
    assert isinstance(again, Fetched)
