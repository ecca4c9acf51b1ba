"""The HTTP filter with real clients, through a running daemon and its workers, against web servers
on loopback that remember who reached them.
"""

import re
import socket
import ssl

import pytest

from tests.support.filtered import PAGE, PUPIL, READ, STAFF, TITLE, TOLD, filtered
from tests.support.node import eventually

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def world(tmp_path_factory, resolver, http_python):
    folder, other = tmp_path_factory.mktemp("http"), tmp_path_factory.mktemp("other")
    with filtered(folder, other, resolver, http_python) as made:
        yield made


def ended(connection):
    """Say whether the other end says nothing and goes."""
    try:
        return connection.recv(4096) == b""
    except OSError:
        return True


@pytest.mark.http_core
def test_an_allowed_site_is_spliced(world):
    world.tls.seen.clear()
    done = world.curl(world.https("open.site.example"))
    # curl trusts the server's own authority alone: nobody stood between.
    assert (done.returncode, done.stdout) == (0, PAGE + "\n200 200"), done.stderr
    assert world.tls.seen == ["open.site.example"]


@pytest.mark.http_core
def test_a_door_may_be_at_an_ipv6_address(world):
    proxy = ("-x", f"http://[::1]:{world.filter.proxy}")
    done = world.curl(world.http("open.site.example"), *proxy, client="::1")
    assert done.stdout == PAGE + "\n200 000", done.stderr
    assert world.curl(world.http("blocked.site.example"), *proxy, client="::1").stdout.endswith(
        "403 000"
    )


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
    assert TITLE in done.stdout
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
    assert world.curl(url, client=READ).returncode == 60
    # The other workers are told by the daemon, a second or two later.
    eventually(lambda: all(world.curl(url, client=READ).returncode == 0 for _ in range(8)), 10)
