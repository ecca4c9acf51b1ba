"""Workers of the HTTP filter under their unit, with its filter of system calls: what they do all
day, and two groups that are restarted one after the other.
"""

import json
import subprocess
import threading

import pytest

from tests.support.box import box, config, patiently
from tests.support.filtered import NAMES
from tests.support.http_world import BODY, site
from tests.support.tls import make_authority

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
PROXY, TRANSPARENT, PLAIN, TLS = 3128, 3129, 8080, 8443
AWAY = "198.51.100.9"
GROUPS = ("filterd-http@1.service", "filterd-http@2.service")
KILL = {
    "etc/systemd/system/filterd-http@.service.d/kill.conf": "[Service]\nSystemCallErrorNumber=kill\n"
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("http")
    authority = make_authority(folder)
    certificate = authority.issue(*NAMES, "127.0.0.1")
    files = config(
        clients={},
        groups={"pupils": {"age": 10}},
        default_group="pupils",
        access={"networks": [f"{AWAY}/32"]},  # where the box's own connections to it come from
        records=["*.site.example A 127.0.0.1"],
        block=["blocked.site.example"],
        http={
            "listen": {
                "explicit": [f"127.0.0.1:{PROXY}"],
                "transparent": [f"127.0.0.1:{TRANSPARENT}"],
            },
            "python": "/usr/lib/filterd/venv-http/bin/python",
            "ports": [PLAIN, TLS],
            "inspect": {"groups": ["pupils"]},
            "upstream_ca": "/etc/filterd/upstream.pem",
        },
    )
    files["etc/filterd/upstream.pem"] = authority.ca_file.read_text()
    with box(folder, files | KILL, http=True) as made:
        # A connection that waits for a worker which ends goes to another, as a gateway's settings say.
        made.run("/lib/systemd/systemd-sysctl", "/usr/lib/filterd/sysctl.d/60-filterd-gateway.conf")
        made.run("runuser", "-u", "filterd", "--", "filterd", "http", "ca", "new")
        made.ctl("start", "filterd.service", *GROUPS)
        plain, tls = ("127.0.0.1", PLAIN), ("127.0.0.1", TLS)
        with made.inside(), site(address=plain), site(certificate, tls):
            yield made


def fetch(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    proxy = ("-x", f"http://127.0.0.1:{PROXY}", "-w", "%{http_code}", "--max-time", "20")
    return subprocess.run(
        ["curl", "-sS", *proxy, *words, url], capture_output=True, text=True, check=False
    )


def test_it_has_no_right_at_all(world):
    for unit in GROUPS:
        text = world.run("cat", f"/proc/{world.main(unit)}/status").stdout
        told = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        assert {int(told[key], 16) for key in ("CapEff", "CapPrm", "CapBnd")} == {0}
        assert told["Uid"].split()[0] == world.run("id", "-u", "filterd").stdout.strip()
        assert world.show(unit, "StatusErrno", "NRestarts")["NRestarts"] == "0"


def test_pages_pass_and_are_blocked_plain_and_decrypted(world, tmp_path):
    ca = tmp_path / "ca.pem"
    ca.write_text(world.run("cat", "/var/lib/filterd/http/ca/filterd.crt").stdout)
    expected = {"open": f"{BODY.decode()}200", "blocked": "403"}
    for name, ending in expected.items():
        plain = fetch(f"http://{name}.site.example:{PLAIN}/")
        assert plain.stdout.endswith(ending), (name, plain, world.journal(GROUPS[0])[-3000:])
    decrypted = fetch(f"https://open.site.example:{TLS}/", "--cacert", str(ca))
    assert decrypted.stdout == f"{BODY.decode()}200", (decrypted, world.journal()[-3000:])
    blocked = fetch(f"https://blocked.site.example:{TLS}/", "--cacert", str(ca))
    assert "response 403" in blocked.stderr, blocked
    for unit in GROUPS:
        assert world.show(unit, "NRestarts")["NRestarts"] == "0"


def test_what_the_firewall_redirects_is_known_by_its_first_address(world):
    redirect = f"ip daddr {AWAY} tcp dport {PLAIN} redirect to :{TRANSPARENT}"
    rules = f"table ip t {{ chain c {{ type nat hook output priority -100\n{redirect}\n}}\n}}\n"
    world.run("ip", "address", "add", f"{AWAY}/32", "dev", "lo")
    world.run("nft", "-f", "-", input=rules)
    for name, ending in (("open", f"{BODY.decode()}200"), ("blocked", "403")):
        host = f"{name}.site.example"
        words = ("--noproxy", "*", "--resolve", f"{host}:{PLAIN}:{AWAY}")
        done = fetch(f"http://{host}:{PLAIN}/", *words)
        assert done.stdout.endswith(ending), (done, world.journal(GROUPS[0])[-3000:])


def test_groups_are_restarted_one_after_the_other_and_no_page_fails(world):
    stop, wrong, fetched = threading.Event(), [], []

    def browse() -> None:
        while not stop.is_set():
            done = fetch(f"http://open.site.example:{PLAIN}/")
            (fetched if done.stdout == f"{BODY.decode()}200" else wrong).append(done)

    browsing = [threading.Thread(target=browse) for _ in range(2)]
    for each in browsing:
        each.start()
    before = [world.main(unit) for unit in GROUPS]
    for unit in GROUPS:
        had = len(fetched)
        world.ctl("restart", unit)
        patiently(lambda had=had: len(fetched) > had + 5)
    stop.set()
    for each in browsing:
        each.join()
    assert (wrong, len(fetched) > 10) == ([], True)
    assert not set(before) & {world.main(unit) for unit in GROUPS}


def test_a_reload_puts_new_workers_in_place(world):
    def workers() -> set[str]:
        pid = world.main(GROUPS[0])
        return set(world.run("cat", f"/proc/{pid}/task/{pid}/children").stdout.split())

    before = workers()
    world.ctl("reload", GROUPS[0])
    patiently(lambda: workers() and not workers() & before)
    assert fetch(f"http://open.site.example:{PLAIN}/").stdout == f"{BODY.decode()}200"


def test_a_group_that_dies_is_started_again(world):
    before = world.main(GROUPS[1])
    world.run("kill", "-KILL", str(before))
    patiently(lambda: world.main(GROUPS[1]) not in {0, before})
    patiently(lambda: world.ctl("is-active", GROUPS[1], check=False) == "active")
    told = json.loads(world.run("filterd", "reload", "--status", "--json", check=False).stdout)
    assert not told["not_ready"]
