"""dig and kdig as clients, over both transports and both families."""

import subprocess

import pytest

from tests.support.node import node

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def running(tmp_path_factory, resolver):
    changes = {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "groups": {"all": {"age": 10}},
        "default_group": "all",
        "block": ["bad.example.com"],
    }
    with node(tmp_path_factory.mktemp("node"), changes) as one:
        yield one


@pytest.mark.parametrize("server", ["@127.0.0.1", "@::1"])
@pytest.mark.parametrize("transport", [(), ("+tcp",)])
@pytest.mark.parametrize("program", ["dig", "kdig"])
def test_answered_and_blocked(running, program, transport, server):
    good = running.dig(server, *transport, "www.example.com", program=program)
    assert (good.status, good.data()) == ("NOERROR", ["192.0.2.1"])
    assert good.ede is None
    bad = running.dig(server, *transport, "bad.example.com", program=program)
    assert (bad.status, bad.data()) == ("NOERROR", ["0.0.0.0"])


def test_a_name_below_a_blocked_one_and_aaaa(running):
    assert running.dig("below.bad.example.com").data() == ["0.0.0.0"]
    assert running.dig("bad.example.com", "AAAA").data("AAAA") == ["::"]
    assert running.dig("www.example.com", "AAAA").data("AAAA") == ["2001:db8::1"]


def test_dig_shows_why(running):
    shown = running.dig("bad.example.com")
    assert shown.ede == 17
    assert "blocked by the school" in shown.text


def test_no_edns_no_reason(running):
    shown = running.dig("+noedns", "bad.example.com")
    assert shown.data() == ["0.0.0.0"]
    assert "OPT PSEUDOSECTION" not in shown.text


def test_flags_come_back(running):
    shown = running.dig("+cdflag", "+dnssec", "www.example.com")
    assert {"qr", "rd", "ra", "cd"} <= set(shown.flags)
    assert "flags: do" in shown.text
    assert "aa" not in shown.flags


def test_a_large_answer_is_cut_over_udp_and_whole_over_tcp(running):
    cut = running.dig("+ignore", "+bufsize=512", "large.example.com", "TXT")
    assert "tc" in cut.flags
    assert cut.answers == []
    whole = running.dig("+bufsize=1232", "large.example.com", "TXT")  # dig goes over to TCP itself
    assert "retrying in TCP mode" in whole.text
    assert len(whole.data("TXT")) == 20


def test_udp_never_above_1232_whatever_the_client_takes(running):
    shown = running.dig("+ignore", "+bufsize=4096", "large.example.com", "TXT")
    assert "tc" in shown.flags
    assert "udp: 1232" in shown.text


def test_any_is_a_minimal_answer(running):
    shown = running.dig("+notcp", "www.example.com", "ANY")
    assert [kind for _, _, kind, _ in shown.answers] == ["HINFO"]
    assert "RFC8482" in shown.text


def test_chaos_is_refused(running):
    assert running.dig("CH", "TXT", "version.bind").status == "REFUSED"


def test_badvers(running):
    assert running.dig("+edns=7", "+noednsnegotiation", "www.example.com").status == "BADVERS"


def test_options_and_flags_nobody_knows_are_passed_over(running):
    shown = running.dig("+ednsopt=65001:abcd", "+ednsflags=0x40", "+cookie", "www.example.com")
    assert (shown.status, shown.data()) == ("NOERROR", ["192.0.2.1"])


def test_notimp_for_another_opcode(running):
    assert running.dig("+opcode=2", "www.example.com").status == "NOTIMP"


def test_a_name_that_is_not_there(running):
    shown = running.dig("nothing.example.com")
    assert (shown.status, shown.answers) == ("NXDOMAIN", [])


@pytest.mark.parametrize("command", [("dig", "+keepopen"), ("kdig", "+keepopen")])
def test_many_questions_on_one_connection(running, command):
    program, keep = command
    names = ["www.example.com", "bad.example.com", "other.example.com", "nothing.example.com"]
    done = subprocess.run(
        [program, "@127.0.0.1", "-p", str(running.port), "+tcp", keep, *names],
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.stdout.count("status: NOERROR") == 3
    assert done.stdout.count("status: NXDOMAIN") == 1
    assert all(address in done.stdout for address in ("192.0.2.1", "0.0.0.0", "192.0.2.2"))


def test_the_case_of_the_question_comes_back(running):
    shown = running.dig("wWw.ExAmPlE.cOm")
    assert shown.answers[0][0] == "wWw.ExAmPlE.cOm"
