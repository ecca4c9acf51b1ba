"""RFC 8482: questions for ANY."""


def test_4_2_a_synthesised_hinfo_and_nothing_goes_upstream(desk):
    one = desk(upstream=["www.example.com A 192.0.2.1"])
    reply = one.ask("www.example.com", "ANY")
    (answer,) = reply.answer
    assert answer.rdtype == 13
    assert answer[0].cpu == b"RFC8482"
    assert answer[0].os == b""
    assert one.upstream.asked == []


def test_4_2_it_may_be_kept_long(desk):
    assert desk().ask("www.example.com", "ANY").answer[0].ttl >= 300


def test_4_2_over_tcp_too(desk):
    assert desk().ask("www.example.com", "ANY", door=1).answer[0].rdtype == 13
