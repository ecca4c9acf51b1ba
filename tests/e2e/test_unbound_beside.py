"""deploy/unbound/filterd.conf with the real Unbound: it takes it, asks from the root, and believes
nothing that is not signed as it should be.
"""

import subprocess

import pytest

from tests.support.data import ROOT
from tests.support.dnsclient import run_dig
from tests.support.needs import program
from tests.support.root_zone import knot_config, signed_root
from tests.support.servers import answers_dns, connects, free_port, running

pytestmark = pytest.mark.real
OURS = (ROOT / "deploy/unbound/filterd.conf").read_text()


def alone(folder, port, *lines):
    """Debian's own file around ours, so that it runs beside others and as whoever tests."""
    file = folder / "unbound.conf"
    ours = OURS.replace("127.0.0.1@5335", f"127.0.0.1@{port}")
    assert ours != OURS
    more = (
        *('username: ""', 'chroot: ""', f'directory: "{folder}"', 'pidfile: ""'),
        *("use-syslog: no", "do-daemonize: no", "do-ip6: no", "do-not-query-localhost: no"),
    )
    text = "\n    ".join(("server:", *more, *lines))
    file.write_text(f"{ours}{text}\nremote-control:\n    control-enable: no\n")
    return file


def test_unbound_takes_it_as_it_is(tmp_path):
    file = tmp_path / "whole.conf"
    file.write_text(OURS)
    check = f"{program('unbound', 'unbound')}-checkconf"
    done = subprocess.run([check, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    words = [check, "-o", "interface", str(file)]
    said = subprocess.run(words, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["127.0.0.1@5335"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A root at a free port of loopback."""
    folder = tmp_path_factory.mktemp("root")
    made = signed_root(folder, "127.0.0.1", "www.example. 300 IN A 192.0.2.7")
    port = free_port()
    config = knot_config(folder, made, f"127.0.0.1@{port}")
    with running(
        [program("knotd", "knot"), "-c", str(config)],
        folder / "knot.log",
        lambda: answers_dns("127.0.0.1", port, "www.example"),
    ):
        # Hints have no ports.
        stub = f'stub-zone:\n    name: "."\n    stub-addr: 127.0.0.1@{port}\nserver:'
        yield made, stub


def ask(folder, lines, *words):
    port = free_port()
    file = alone(folder, port, *lines)
    server = [program("unbound", "unbound"), "-d", "-p", "-c", str(file)]
    with running(server, folder / "unbound.log", lambda: connects(port)):
        dig = program("dig", "bind9-dnsutils")
        return run_dig([dig, "+tries=1", "+time=5", "@127.0.0.1", "-p", str(port), *words])


def test_what_is_signed_is_believed(root, tmp_path):
    made, stub = root
    found = ask(tmp_path, [f'trust-anchor: "{made.anchor}"', stub], "www.example", "+dnssec")
    assert "192.0.2.7" in found.data()
    assert " ad;" in found.text.replace(" ad ", " ad;"), found.text


def test_what_another_key_signed_is_not(root, tmp_path):
    _, stub = root
    other = signed_root(tmp_path / "other", "127.0.0.1")
    found = ask(tmp_path, [f'trust-anchor: "{other.anchor}"', stub], "www.example")
    assert "SERVFAIL" in found.text
    assert found.data() == []
    assert "EDE: " in found.text
