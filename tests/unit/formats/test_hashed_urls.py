"""A list of hashed URLs is read whole or not at all, and says which line is wrong."""

import hashlib
import hmac
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.formats.hashed_urls import HashedList, check_rare, read_hashed, write_hashed
from filterd.formats.hashing import expression_of, hash_urls
from filterd.model.errors import InvalidName, RulesError

SALT = bytes(range(16))
GOOD = b"""\
# filterd hashed-urls 1
# Whoever publishes it may say more here.
# salt: 000102030405060708090a0b0c0d0e0f
# bytes: 8
# epoch: 7
# entries: 2
00112233445566FF
# and here
ffffffffffffffff
"""


def test_a_list_is_read():
    made = read_hashed(GOOD)
    assert (made.salt, made.width, made.epoch, len(made)) == (SALT, 8, 7, 2)
    assert made.entries == bytes.fromhex("00112233445566ff") + b"\xff" * 8
    assert read_hashed(GOOD.replace(b"\n", b"\r\n")) == made
    assert read_hashed(GOOD.rstrip()) == made


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"# filterd", b"# Filterd", "line 1: not '# filterd hashed-urls 1'"),
        (b"urls 1", b"urls 2", "line 1: not '# filterd hashed-urls 1'"),
        (b"# salt", b"# slat", "no line `# salt: …`"),
        (b"0e0f\n", b"0e0\n", "line 3: the salt is not hexadecimal"),
        (b"0e0f\n", b"0e\n", "line 3: a salt has 16 to 64 bytes, not 15"),
        (b"0e0f\n", b"0e" + b"0f" * 50 + b"\n", "line 3: a salt has 16 to 64 bytes, not 65"),
        (b"bytes: 8", b"bytes: 7", "line 4: entries of 7 bytes, not 8 to 32: with fewer"),
        (b"bytes: 8", b"bytes: 33", "line 4: entries of 33 bytes"),
        (b"bytes: 8", b"bytes: x", "line 4: bytes is a number"),
        (b"# bytes: 8\n", b"", "no line `# bytes: …`"),
        (b"epoch: 7", b"epoch: -7", "line 5: epoch is a number"),
        (b"epoch: 7", b"epoch: " + b"7" * 30, "line 5: epoch is a number"),
        (b"# epoch: 7", b"# epoch: 7\n# epoch: 8", "line 6: epoch is there twice"),
        (b"entries: 2", b"entries: 3", "2 entries where the head says 3: cut off"),
        (b"ffffffffffffffff\n", b"", "1 entries where the head says 2: cut off"),
        (b"ffffffffffffffff", b"fffffffffffffff", "line 9: not 16 hexadecimal digits"),
        (b"ffffffffffffffff", b"ffffffffffffffgf", "line 9: not 16 hexadecimal digits"),
        (b"ffffffffffffffff", b"ffffff ff ffffff", "line 9: not 16 hexadecimal digits"),
        (b"ffffffffffffffff", "ffffffffffffffé".encode(), "line 9: not 16 hexadecimal digits"),
        (b"# entries: 2\n", b"", "no line `# entries: …` before the entries"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(old, new, words):
    with pytest.raises(RulesError) as error:
        read_hashed(GOOD.replace(old, new, 1))
    assert words in str(error.value)


@given(st.binary(max_size=60), st.integers(0, len(GOOD)), st.integers(0, 20))
def test_any_bytes_are_read_or_refused(noise, at, cut):
    for data in (noise, GOOD[:at] + noise + GOOD[at + cut :]):
        with suppress(RulesError):
            made = read_hashed(data)
            assert len(made.entries) == len(made) * made.width


@given(st.sets(st.binary(min_size=9, max_size=9), max_size=20), st.binary(min_size=16, max_size=64))
def test_what_is_written_is_read(entries, salt):
    made = HashedList(salt, 9, 3, b"".join(sorted(entries)))
    assert read_hashed("".join(f"{line}\n" for line in write_hashed(made)).encode()) == made


def test_an_entry_is_the_beginning_of_an_hmac():
    made = hash_urls(["a.test/"], SALT, 12, 1)
    assert made.entries == hmac.new(SALT, b"a.test/", hashlib.sha256).digest()[:12]
    other = hash_urls(["a.test/"], SALT[::-1], 12, 1)
    assert made.entries != other.entries


@given(st.lists(st.from_regex(r"[g-z]{6,9}\.test/[g-z]{5,9}", fullmatch=True), min_size=1))
def test_neither_hosts_nor_paths_nor_their_order_are_in_a_list(urls):
    text = "\n".join(write_hashed(hash_urls(map(expression_of, urls), SALT, 12, 1)))
    lines = text.split("\n")[5:]
    for url in urls:
        host, _, path = url.partition("/")
        label = host.partition(".")[0]
        for part in (label, path):
            for spelled in (part, part[::-1], part.encode().hex()):
                assert spelled not in text
    assert lines == sorted(set(lines))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("HTTPS://User@A.test:8443//b/./c?d#e", "a.test/b/c?d"),
        ("a.test/", "a.test/"),
        ("http://bücher.test/ü", "xn--bcher-kva.test/%C3%BC"),
        ("http://[2001:db8::1]/", "[2001:db8::1]/"),
        ("http://192.0.2.1/x", "192.0.2.1/x"),
    ],
)
def test_an_expression_is_a_url_in_its_one_spelling(given, wanted):
    assert expression_of(given) == wanted


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("a.test", "a host alone; give it a /"),
        ("http:/a.test/", "not a URL with a host"),
        ("http://com.vn/", "'com.vn' is a public suffix"),
        ("http://vn/x", "'vn' is a public suffix or a single label"),
        ("http://localhost/", "'localhost' is a public suffix or a single label"),
    ],
)
def test_what_names_no_page_is_refused(given, words):
    with pytest.raises(InvalidName, match=words):
        expression_of(given)


def test_a_page_that_is_not_meant_must_be_rarer_than_one_in_a_million_million():
    check_rare(1_000_000, 12)
    check_rare(600_000, 8)
    with pytest.raises(RulesError, match="make entries of 9 bytes or more"):
        check_rare(1_000_000, 8)
    with pytest.raises(RulesError, match="entries of 7 bytes, not 8 to 32"):
        hash_urls(["a.test/"], SALT, 7, 1)
    with pytest.raises(RulesError, match="a salt has 16 to 64 bytes, not 15"):
        hash_urls(["a.test/"], SALT[1:], 12, 1)
