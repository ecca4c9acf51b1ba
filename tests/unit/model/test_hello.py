"""ClientHellos: those that real clients make, and those that nobody should."""

import contextlib
import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.model.hello import MAX_HELLO, BadHello, HelloReader, read_hello


def real(name="www.example.com", alpn=("h2", "http/1.1")):
    """The bytes with which OpenSSL begins."""
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    if alpn:
        context.set_alpn_protocols(list(alpn))
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def records(handshake, size):
    """Split a handshake message over records of `size` bytes."""
    pieces = [handshake[at : at + size] for at in range(0, len(handshake), size)]
    return b"".join(b"\x16\x03\x01" + len(each).to_bytes(2, "big") + each for each in pieces)


def extension(kind, body):
    return kind.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def server_names(*names, kind=0):
    entries = b"".join(bytes([kind]) + len(n).to_bytes(2, "big") + n for n in names)
    return extension(0, len(entries).to_bytes(2, "big") + entries)


def body(*extensions):
    block = b"".join(extensions)
    head = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    return head + len(block).to_bytes(2, "big") + block


def test_a_real_hello():
    said = HelloReader().feed(real())
    assert (said.sni, said.alpn, said.ech) == ("www.example.com", ("h2", "http/1.1"), False)


def test_a_real_hello_without_a_name():
    said = HelloReader().feed(real(name=None, alpn=()))
    assert (said.sni, said.alpn) == (None, ())


HANDSHAKE = real()[5:]


@settings(deadline=None)
@given(st.lists(st.integers(1, 600), min_size=1, max_size=20), st.integers(1, 300))
def test_segments_and_records_may_lie_anywhere(cuts, size):
    whole = records(HANDSHAKE, size)
    reader, said, at = HelloReader(), None, 0
    for cut in [*cuts, len(whole)]:
        assert said is None
        said = reader.feed(whole[at : at + cut])
        at += cut
        if at >= len(whole):
            break
    assert said.sni == "www.example.com"


def test_ech_is_seen_and_grease_is_skipped():
    grease = extension(0x0A0A, b""), extension(0xDADA, b"\x00")
    said = read_hello(
        body(*grease, server_names(b"Public.Example"), extension(0xFE0D, b"\x00\x01"))
    )
    assert (said.sni, said.ech) == ("public.example", True)
    assert said.extensions == (0x0A0A, 0xDADA, 0, 0xFE0D)


def test_a_hello_without_extensions():
    assert read_hello(body()[:-2]).sni is None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (body(server_names(b"a.example"), server_names(b"b.example")), "twice"),
        (body(server_names(b"a.example", b"b.example")), "more than one"),
        (body(server_names(b"a.example", kind=1)), "unknown kind"),
        (body(server_names(b"")), "none"),
        (body(server_names(b"a\x00.example")), "none"),
        (body(server_names(b"a b.example")), "none"),
        (body(server_names("trường.example".encode())), "not ASCII"),
        (body(server_names(b"a.example"))[:-1], "cut short"),
        (body(server_names(b"a.example")) + b"\x00", "behind the extensions"),
        (b"\x03\x03", "cut short"),
    ],
)
def test_what_says_two_things_or_nothing_is_refused(data, why):
    with pytest.raises(BadHello, match=why):
        read_hello(data)


@pytest.mark.parametrize(
    "stream",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\xff\xff",
        b"\x16\x02\x00\x00\x05hello",
        records(b"\x02\x00\x00\x01\x00", 5),
        records(b"\x01" + (MAX_HELLO + 1).to_bytes(3, "big"), 4),
    ],
)
def test_what_cannot_become_a_hello_ends_at_once(stream):
    with pytest.raises(BadHello):
        HelloReader().feed(stream)


@given(st.binary(max_size=400))
def test_any_bytes_give_a_hello_or_a_refusal(data):
    for read in (read_hello, HelloReader().feed):
        with contextlib.suppress(BadHello):
            read(data)
