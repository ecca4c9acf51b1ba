import pytest

from filterd.upstream.server import Server, ServerSyntaxError, parse_server


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.1", Server("udp", "192.0.2.1", 53)),
        (" 192.0.2.1:5353 ", Server("udp", "192.0.2.1", 5353)),
        ("2001:db8::1", Server("udp", "2001:db8::1", 53)),
        ("[2001:db8::1]:54", Server("udp", "2001:db8::1", 54)),
        ("udp://192.0.2.1", Server("udp", "192.0.2.1", 53)),
        ("tcp://[2001:db8::1]", Server("tcp", "2001:db8::1", 53)),
        ("tls://dns.example", Server("tls", "dns.example", 853, "dns.example")),
        ("tls://DNS.Example:8853", Server("tls", "dns.example", 8853, "dns.example")),
        ("tls://192.0.2.1#dns.example", Server("tls", "192.0.2.1", 853, "dns.example")),
        ("tls://192.0.2.1", Server("tls", "192.0.2.1", 853, "192.0.2.1")),
        ("https://dns.example", Server("https", "dns.example", 443, "dns.example", "/dns-query")),
        ("https://192.0.2.1/q#dns.example", Server("https", "192.0.2.1", 443, "dns.example", "/q")),
    ],
)
def test_reads(text, server):
    assert parse_server(text) == server


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("dns.example", "wants an IP address"),
        ("quic://192.0.2.1", "unknown scheme quic://; known are udp://"),
        ("192.0.2.1:0", "port 0"),
        ("192.0.2.1:99999", "Port out of range"),
        ("192.0.2.1/x", "nothing may follow"),
        ("192.0.2.1#x", "nothing may follow"),
        ("tls://dns.example/dns-query", "did you mean https://"),
        ("https://u@dns.example/", "neither user names"),
        ("https://dns.example/q?dns=1", "neither user names"),
        ("https://bad name/", "not a domain name"),
        ("tls://", "no host"),
        ("", "no host"),
        ("[2001:db8::1", "Invalid IPv6"),
        ("https://dns.example/\u00e9", "plain ASCII"),
    ],
)
def test_refuses_and_says_why(text, why):
    with pytest.raises(ServerSyntaxError, match=why.replace("?", r"\?")):
        parse_server(text)


@pytest.mark.parametrize(
    "text", ["udp://[2001:db8::1]:53", "tls://192.0.2.1:853#dns.example", "https://d.example:443/q"]
)
def test_label_reads_back(text):
    assert parse_server(text).label == text
