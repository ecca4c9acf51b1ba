"""The HTTP filter with real clients, through a running daemon and its workers, against web servers
on loopback that remember who reached them.
"""

import json
import os
import re
import signal
import socket
import ssl
import subprocess

import pytest

from tests.support.http_world import BODY, World, gone, http_filter, site
from tests.support.node import eventually, filterd, node
from tests.support.servers import free_port
from tests.support.tls import make_authority

pytestmark = pytest.mark.real

PUPIL, STAFF, READ, TOLD = "127.0.0.1", "127.0.0.18", "127.0.0.30", "127.0.0.40"
NAMES = tuple(f"{name}.site.example" for name in ("open", "blocked", "bank", "ordered", "other"))
PAGE = BODY.decode()


@pytest.fixture(scope="module")
def world(tmp_path_factory, resolver, http_python):
    folder, other = tmp_path_factory.mktemp("http"), tmp_path_factory.mktemp("other")
    authority, proxy = make_authority(folder), free_port()
    (folder / "pages.txt").write_text("http://open.site.example/secret/page\n")
    (folder / "order.txt").write_text("ordered.site.example\n")
    certificate = authority.issue(*NAMES, "127.0.0.1")
    bad = make_authority(other).issue(*NAMES)
    with site(certificate) as tls, site() as plain, site(bad) as wrong:
        changes = config(resolver, http_python, proxy, (tls, plain, wrong), authority)
        with node(folder, changes) as daemon:
            made = filterd("http", "ca", "new", "-c", str(daemon.config))
            assert made.returncode == 0, made.stderr
            eventually((daemon.state / "http/ruling.json").exists)
            with http_filter(folder, proxy) as running:
                yield World(daemon, running, (tls, plain, wrong), authority)


def ended(connection):
    """Say whether the other end says nothing and goes."""
    try:
        return connection.recv(4096) == b""
    except OSError:
        return True


def config(resolver, python, proxy, sites, authority):
    return {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "records": ["*.site.example A 127.0.0.1"],
        "privacy": {"level": "full"},
        "default_group": "pupils",
        "groups": {
            "pupils": {"age": 10},
            "staff": {"age": 18, "filtered": False, "networks": [f"{STAFF}/32"]},
            "read": {"age": 10, "networks": [f"{READ}/32"]},
            "told": {"age": 10, "networks": [f"{TOLD}/32"]},
        },
        "block": ["blocked.site.example"],
        "lists": {
            "pages": {"format": "urls", "path": "pages.txt"},
            "order": {"format": "domains", "path": "order.txt", "mandatory": True},
        },
        "http": {
            "listen": {"explicit": [f"127.0.0.1:{proxy}"]},
            "python": python,
            "workers": 2,
            "ports": [each.port for each in sites],
            "never_decrypt": ["bank.site.example"],
            "inspect": {"groups": ["read"], "explain": ["told"]},
            "upstream_ca": str(authority.ca_file),
        },
    }


@pytest.mark.http_core
def test_an_allowed_site_is_spliced(world):
    world.tls.seen.clear()
    done = world.curl(world.https("open.site.example"))
    # curl trusts the server's own authority alone: nobody stood between.
    assert (done.returncode, done.stdout) == (0, PAGE + "\n200 200"), done.stderr
    assert world.tls.seen == ["open.site.example"]


@pytest.mark.http_core
def test_a_blocked_site_is_refused_at_connect_and_its_server_never_sees_anybody(world):
    before = world.tls.came
    done = world.curl(world.https("blocked.site.example"))
    assert done.returncode != 0
    assert done.stdout.endswith("000 403")
    assert world.tls.came == before


@pytest.mark.http_core
def test_a_blocked_sni_in_a_tunnel_for_another_name_is_reset_without_contact(world):
    before = world.tls.came
    raw, code = world.tunnel("open.site.example")
    assert code == b"200"
    with raw, pytest.raises(OSError):
        ssl.create_default_context().wrap_socket(raw, server_hostname="blocked.site.example")
    assert world.tls.came == before


@pytest.mark.http_core
def test_no_sni_goes_to_the_name_of_the_tunnel_and_nowhere_without(world):
    context = ssl.create_default_context(cafile=world.authority.ca_file)
    context.check_hostname = False
    world.tls.seen.clear()
    raw, _ = world.tunnel("open.site.example")
    with context.wrap_socket(raw) as through:
        assert through.version()
    assert world.tls.seen == [""]
    for literal in ("127.0.0.1", "0x7f.1", "2130706433", "[::1]"):
        raw, code = world.tunnel(literal)
        raw.close()
        assert code == b"403", literal


@pytest.mark.http_core
def test_a_hello_over_many_records_and_segments_is_read(world):
    for name, passes in (("open.site.example", True), ("blocked.site.example", False)):
        context = ssl.create_default_context(cafile=world.authority.ca_file)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(incoming, outgoing, server_hostname=name)
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        handshake = outgoing.read()[5:]
        raw, _ = world.tunnel("open.site.example")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        before = world.tls.came
        with raw:
            try:
                for at in range(0, len(handshake), 61):
                    piece = handshake[at : at + 61]
                    record = b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece
                    for byte in (record[:3], record[3:]):
                        raw.sendall(byte)
                answer = raw.recv(4096)
            except OSError:
                answer = b""
        # A server's handshake record, or an end.
        assert (answer[:1] == b"\x16") is passes
        assert (world.tls.came > before) is passes


@pytest.mark.http_core
def test_plain_http_is_blocked_with_a_page(world):
    before = world.plain.came
    done = world.curl(world.http("blocked.site.example"))
    assert done.returncode == 0
    assert "<!doctype html>" in done.stdout[:20].lower()
    assert done.stdout.endswith("\n403 000")
    assert world.plain.came == before


@pytest.mark.http_core
def test_plain_http_passes(world):
    done = world.curl(world.http("open.site.example"))
    assert done.stdout == PAGE + "\n200 000"


@pytest.mark.http_core
def test_an_order_is_answered_with_451_for_everybody(world):
    for client in (PUPIL, STAFF):
        done = world.curl(world.http("ordered.site.example"), client=client)
        assert done.stdout.endswith("\n451 000")


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "017700000001", "127.1"])
def test_an_address_alone_is_refused_in_any_notation(world, host):
    before = world.plain.came
    done = world.curl(world.http(host))
    assert done.stdout.endswith("\n403 000"), done
    assert world.plain.came == before


def test_what_is_not_filtered_may_ask_for_addresses(world):
    done = world.curl(world.http("127.0.0.1"), client=STAFF)
    assert done.stdout == PAGE + "\n200 000"


@pytest.mark.http_core
def test_host_and_url_must_agree(world):
    before = list(world.plain.asked)
    for url, host in (("open", "blocked"), ("blocked", "open")):
        done = world.curl(world.http(f"{url}.site.example"), "-H", f"Host: {host}.site.example")
        assert done.stdout.endswith("\n403 000")
    assert world.plain.asked == before


@pytest.mark.parametrize(
    "path",
    [
        "/secret/page",
        "/secret/page/below",
        "/secret/page?q=1",
        "/secret/%70age",
        "/secret/./x/../page",
        "//secret//page",
        "/secret/%2570age",
    ],
)
def test_a_page_is_blocked_in_any_spelling_and_its_site_is_not(world, path):
    before = len(world.plain.asked)
    done = world.curl(world.http("open.site.example", path), "--path-as-is")
    assert done.stdout.endswith("\n403 000")
    assert len(world.plain.asked) == before
    assert world.curl(world.http("open.site.example", "/secret/other")).stdout.startswith(PAGE)


@pytest.mark.http_core
def test_a_page_is_blocked_over_https_where_it_is_inspected_alone(world):
    url = world.https("open.site.example", "/secret/page")
    assert world.curl(url, client=READ, trust=world.ours).stdout.endswith("\n403 200")
    assert world.curl(url).stdout == PAGE + "\n200 200"


@pytest.mark.http_core
def test_an_appeal_from_the_page_becomes_a_case(world):
    before = world.plain.came
    shown = world.curl(world.http("blocked.site.example", "/a?secret")).stdout
    token = re.search(r'name="token" value="([^"]+)"', shown)[1]
    reason = re.search(r'name="reason" value="([^"]+)"', shown)[1]
    form = ("--data-urlencode", f"token={token}", "--data-urlencode", f"reason={reason}")
    action = world.http("blocked.site.example", "/.well-known/filterd/case")
    other = world.curl(action, *form, client=TOLD)
    assert other.stdout.endswith("\n403 000")  # a form is good for who was shown it
    sent = world.curl(action, *form)
    assert sent.stdout.endswith("\n200 000"), sent
    assert world.curl(world.http("open.site.example", "/.well-known/filterd/x")).stdout.endswith(
        "\n404 000"
    )
    assert world.plain.came == before
    listed = world.daemon.run("case", "list", "--json")
    assert "blocked.site.example" in listed.stdout, listed
    assert "secret" not in listed.stdout


@pytest.mark.http_core
def test_plain_http_inside_a_tunnel_is_decided_like_any_other(world):
    words = ("--proxytunnel",)
    before = list(world.plain.asked)
    done = world.curl(world.http("open.site.example"), *words, "-H", "Host: blocked.site.example")
    assert done.stdout.endswith("\n403 200")
    assert world.plain.asked == before
    assert world.curl(world.http("open.site.example"), *words).stdout == PAGE + "\n200 200"


def test_a_large_upload_to_a_blocked_site_is_ended_unread(world, tmp_path):
    large = tmp_path / "large"
    large.write_bytes(bytes(4_000_000))
    before = world.plain.came
    done = world.curl(world.http("blocked.site.example"), "-T", str(large), "-H", "Expect:")
    assert done.returncode != 0 or done.stdout.endswith("\n403 000")
    assert world.plain.came == before


def test_what_is_missing_before_it_can_serve_is_told(world, tmp_path):
    assert world.daemon.run("http", "check").returncode == 0
    assert "127.0.0.1" in world.daemon.run("http", "check").stdout
    assert "SHA-256" in world.daemon.run("http", "ca", "show").stdout
    again = world.daemon.run("http", "ca", "new")
    assert (again.returncode, "there already" in again.stderr) == (2, True)
    taken = world.daemon.run("http", "serve")
    assert taken.returncode == 3
    assert str(world.filter.proxy) in taken.stderr
    (tmp_path / "off.yaml").write_text("language: en\n")
    off = filterd("http", "serve", "-c", str(tmp_path / "off.yaml"))
    assert (off.returncode, "listens nowhere" in off.stderr) == (2, True)


def test_without_rules_nobody_is_let_through_and_it_says_so(tmp_path, http_python):
    proxy = free_port()
    settings = {"listen": {"explicit": [f"127.0.0.1:{proxy}"]}, "python": http_python}
    config = {"state_dir": str(tmp_path / "state"), "language": "en", "http": settings}
    (tmp_path / "filterd.yaml").write_text(json.dumps(config))
    with http_filter(tmp_path, proxy) as alone:
        assert eventually(lambda: "no rules were handed over yet" in alone.log)
        assert "\n503 " in alone.curl("http://open.site.example/").stdout


@pytest.mark.http_core
def test_a_group_that_asks_for_it_is_inspected_with_our_own_authority(world):
    url = world.https("open.site.example")
    done = world.curl(url, client=READ, trust=world.ours)
    assert (done.returncode, done.stdout) == (0, PAGE + "\n200 200"), done.stderr


@pytest.mark.http_core
def test_the_host_of_an_inspected_request_must_agree_with_its_sni(world):
    url = world.https("open.site.example")
    done = world.curl(url, "-H", "Host: blocked.site.example", client=READ, trust=world.ours)
    assert done.stdout.endswith("\n403 200")


@pytest.mark.http_core
def test_what_is_never_decrypted_is_not_even_there(world):
    url = world.https("bank.site.example")
    done = world.curl(url, client=READ)
    assert (done.returncode, done.stdout) == (0, PAGE + "\n200 200"), done.stderr


@pytest.mark.http_core
def test_a_block_is_explained_over_https_where_asked_for(world):
    before = world.tls.came
    done = world.curl(world.https("blocked.site.example"), client=TOLD, trust=world.ours)
    assert "<!doctype html>" in done.stdout[:20].lower()
    assert done.stdout.endswith("\n403 200")
    assert world.tls.came == before


@pytest.mark.http_core
def test_what_is_decrypted_to_be_explained_leads_nowhere(world):
    before = world.tls.came
    raw, code = world.tunnel("blocked.site.example", TOLD)
    assert code == b"200"
    with raw:
        raw.sendall(b"\x01\x02 neither TLS nor HTTP\n")
        assert ended(raw)
    raw, _ = world.tunnel("blocked.site.example", TOLD)
    context = ssl.create_default_context(cafile=world.ours)
    with context.wrap_socket(raw, server_hostname="blocked.site.example") as inside:
        inside.sendall(b"\x01\x02 not HTTP\n")
        assert ended(inside)
    assert world.tls.came == before


@pytest.mark.http_core
def test_a_bad_certificate_upstream_is_never_accepted_for_the_client(world):
    url = world.https("open.site.example", server=world.wrong)
    asked = len(world.wrong.asked)
    done = world.curl(url, client=READ, trust=world.ours)
    assert done.stdout.endswith("\n502 200"), done
    # Spliced, it is the client itself that refuses.
    assert world.curl(url).returncode == 60
    assert len(world.wrong.asked) == asked


@pytest.mark.http_core
def test_who_does_not_trust_our_authority_is_spliced_from_then_on(world):
    url = world.https("other.site.example")
    codes = [world.curl(url, client=READ).returncode for _ in range(6)]
    # Each worker learns by itself.
    assert codes[0] == 60
    assert codes[-1] == 0


def test_events_reach_the_daemon_with_their_rule(world):
    world.curl(world.http("blocked.site.example", "/secret?word"))

    def told():
        done = world.daemon.run("log", "--name", "blocked.site.example", "--json")
        rows = map(json.loads, done.stdout.splitlines())
        return [row for row in rows if (row["door"], row["client"]) == ("http", PUPIL)]

    row = eventually(told)[0]
    assert (row["kind"], row["list"]) == ("block", "local-block")
    assert "secret" not in (world.daemon.state / "log.sqlite").read_bytes().decode("latin-1")


def test_a_new_rule_is_in_force_without_a_restart(world):
    url = world.http("other.site.example")
    assert world.curl(url).stdout.endswith("\n200 000")
    assert world.daemon.run("rule", "block", "other.site.example").returncode == 0
    eventually(lambda: world.curl(url).stdout.endswith("\n403 000"))
    assert world.daemon.run("rule", "remove", "other.site.example").returncode == 0
    eventually(lambda: world.curl(url).stdout.endswith("\n200 000"))


def test_a_worker_that_dies_is_started_again(world):
    before = world.filter.workers()
    os.kill(before[0], signal.SIGKILL)
    eventually(lambda: len(set(world.filter.workers()) - set(before)) == 1)
    assert world.curl(world.http("open.site.example")).stdout == PAGE + "\n200 000"


@pytest.mark.http_core
def test_workers_are_renewed_while_a_download_goes_on(world):
    before = world.filter.workers()
    words = ["curl", "-sS", "--limit-rate", "4M", "-o", "/dev/null", "-w", "%{size_download}"]
    proxy = ("-x", f"http://127.0.0.1:{world.filter.proxy}")
    url = world.http("open.site.example", "/?size=24000000")
    with subprocess.Popen([*words, *proxy, url], stdout=subprocess.PIPE) as download:
        world.filter.process.send_signal(signal.SIGHUP)
        eventually(lambda: not set(before) & set(world.filter.workers()), 60)
        assert download.communicate(timeout=30)[0] == b"24000000"
    assert world.curl(world.http("open.site.example")).stdout == PAGE + "\n200 000"


@pytest.mark.http_core
def test_the_last_rules_go_on_without_the_daemon_and_workers_end_with_their_supervisor(world):
    assert world.curl(world.http("open.site.example")).stdout == PAGE + "\n200 000"
    world.daemon.process.kill()
    world.daemon.process.wait()
    answers = {world.curl(world.http("open.site.example")).stdout for _ in range(4)}
    assert PAGE + "\n200 000" in answers
    for _ in range(4):
        assert world.curl(world.http("blocked.site.example")).stdout.endswith("\n403 000")
    workers = world.filter.workers()
    world.filter.process.kill()
    world.filter.process.wait()
    eventually(lambda: all(gone(pid) for pid in workers))
