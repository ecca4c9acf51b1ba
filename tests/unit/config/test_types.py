"""How values are written and read."""

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.config import calendar, types
from filterd.config.addresses import ListenAddress, Transport, read_listen, read_upstream
from filterd.config.records import RecordConfig


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d", 86400),
        ("500ms", 0.5),
        (7, 7),
        ("2 h", 7200),
        ("0s", 0),
    ],
)
def test_durations(text: object, seconds: float) -> None:
    assert types.read_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "5x", "-5s", "m5", -1, True, None, float("inf"), float("nan"), "1h,30m"]
)
def test_no_durations(text: object) -> None:
    with pytest.raises(ValueError):
        types.read_duration(text)


@given(st.integers(0, types.MAX_TTL))
def test_durations_come_back(seconds: int) -> None:
    assert types.read_ttl(types.show_duration(seconds)) == seconds


@given(st.integers(0, 2**45))
def test_sizes_come_back(size: int) -> None:
    assert types.read_size(types.show_size(size)) == size


@given(st.frozensets(st.integers(0, 6), min_size=1))
def test_weekdays_come_back(days: frozenset[int]) -> None:
    assert calendar.read_weekdays(calendar.show_weekdays(days)) == days


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri", range(5)),
        ("t2-t6", range(5)),
        ("cn", [6]),
        ("Saturday, sun", [5, 6]),
        ("fri-mon", [4, 5, 6, 0]),
        ("daily", range(7)),
        (("tue", "t5"), [1, 3]),
    ],
)
def test_weekdays(text: object, days: object) -> None:
    assert calendar.read_weekdays(text) == frozenset(days)


@pytest.mark.parametrize("text", ["", "monx", "mo", "t8", "mon-", 5, None])
def test_no_weekdays(text: object) -> None:
    with pytest.raises(ValueError):
        calendar.read_weekdays(text)


def test_times_and_dates() -> None:
    assert calendar.read_time("7:05") == time(7, 5)
    assert calendar.read_time("13h30") == time(13, 30)
    assert calendar.read_time("7h") == time(7, 0)
    assert calendar.read_time("24:00") == time(0, 0)
    span = calendar.read_dates("2027-02-04..2027-02-06")
    assert calendar.days_of(span) == (date(2027, 2, 4), date(2027, 2, 5), date(2027, 2, 6))
    for wrong in ("2027-02-30", "2027-02-06..2027-02-04", "2020-01-01..2027-01-01", "7", 20270204):
        with pytest.raises(ValueError):
            calendar.read_dates(wrong)


def test_names() -> None:
    assert types.read_name("Trường.Example.") == "trường.example".encode("idna").decode()
    assert types.read_name("A_b.Example") == "a_b.example"
    for wrong in ("", ".", "a b", "192.0.2.1", "a..b", "*.a.example", 5, "ex" * 130):
        with pytest.raises(ValueError):
            types.read_name(wrong)


def test_client_ids() -> None:
    assert types.read_client_id("02-00-00-00-00-AF") == "02:00:00:00:00:af"
    assert types.read_client_id("0200000000af") == "02:00:00:00:00:af"
    assert types.read_client_id("2001:DB8::/64") == "2001:db8::/64"
    assert types.read_client_id("192.0.2.1") == "192.0.2.1/32"


def test_ages() -> None:
    assert types.read_age(9) == 9
    assert types.read_age("9") == 9
    assert types.read_age("Film:T13") == "film:t13"
    for wrong in (19, -1, True, "99", "", "a b", None):
        with pytest.raises(ValueError):
            types.read_age(wrong)


def test_listen_addresses() -> None:
    assert read_listen("127.0.0.1:53") == ListenAddress("127.0.0.1", 53)
    assert str(read_listen("[::1]:53")) == "[::1]:53"
    for wrong in (
        "127.0.0.1",
        "::1",
        "[::1]",
        "[::1",
        "name.example:53",
        "127.0.0.1:65536",
        "127.0.0.1:x",
        ":53",
        53,
    ):
        with pytest.raises(ValueError):
            read_listen(wrong)


@pytest.mark.parametrize(
    ("text", "transport", "host", "port", "name", "path"),
    [
        ("192.0.2.1", Transport.UDP, "192.0.2.1", 53, "", ""),
        ("192.0.2.1:5353", Transport.UDP, "192.0.2.1", 5353, "", ""),
        ("2001:db8::1", Transport.UDP, "2001:db8::1", 53, "", ""),
        ("udp://[2001:db8::1]:5353", Transport.UDP, "2001:db8::1", 5353, "", ""),
        ("tcp://192.0.2.1", Transport.TCP, "192.0.2.1", 53, "", ""),
        ("tls://dns.example:8853", Transport.TLS, "dns.example", 8853, "dns.example", ""),
        ("tls://192.0.2.1#dns.example", Transport.TLS, "192.0.2.1", 853, "dns.example", ""),
        ("https://dns.example", Transport.HTTPS, "dns.example", 443, "dns.example", "/dns-query"),
        ("https://[2001:db8::1]:8443/q/x#dns.example", Transport.HTTPS, "2001:db8::1", 8443, "dns.example", "/q/x"),
    ],
)  # fmt: skip
def test_upstreams(text, transport, host, port, name, path) -> None:
    server = read_upstream(text)
    assert (server.transport, server.host, server.port) == (transport, host, port)
    assert (server.server_name, server.path) == (name, path)
    assert read_upstream(str(server)) == server


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sdns://x",
        "192.0.2.1#x",
        "tls://",
        "udp://192.0.2.1/x",
        "udp://dns.example",
        "https://a@dns.example/q",
        "https://dns.example/q?x",
        "192.0.2.1:0",
        "tls://a b",
        1,
    ],
)
def test_no_upstreams(text: object) -> None:
    with pytest.raises(ValueError):
        read_upstream(text)


@pytest.mark.parametrize(
    ("line", "record"),
    [
        ("a.example A 192.0.2.1", ("a.example", "A", "192.0.2.1", 300)),
        ("*.A.example 60 aaaa 2001:db8::1", ("*.a.example", "AAAA", "2001:db8::1", 60)),
        ("a.example 1h MX 10 mail.example", ("a.example", "MX", "10 mail.example", 3600)),
        ('a.example TXT "one two"', ("a.example", "TXT", '"one two"', 300)),
        (
            "_x._tcp.example SRV 0 5 443 a.example",
            ("_x._tcp.example", "SRV", "0 5 443 a.example", 300),
        ),
    ],
)
def test_records(line: str, record: tuple[object, ...]) -> None:
    read = RecordConfig.model_validate(line)
    assert (read.name, read.type, read.value, read.ttl) == record


@pytest.mark.parametrize(
    "line",
    [
        "",
        "a.example",
        "a.example A",
        "a.example 60 A",
        "a.example A 2001:db8::1",
        "a.example WKS x",
        "a.example MX mail.example",
        "a.*.example A 192.0.2.1",
    ],
)
def test_no_records(line: str) -> None:
    with pytest.raises(ValueError):
        RecordConfig.model_validate(line)
