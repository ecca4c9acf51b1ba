"""docs/install.md, followed as a new user would: the package is built, installed into a clean Debian
with real systemd, set up, asked by a pupil behind it, upgraded, rolled back, copied and purged.

The tests are the document's chapters; each begins where the one before has ended.
"""

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from filterd import __version__
from filterd.model.case import HOUR, Case, to_line
from tests.support.data import ROOT
from tests.support.debian import debian
from tests.support.dnsclient import run_dig
from tests.support.gateway import do
from tests.support.install_page import answers, steps
from tests.support.install_reader import Asking, Reader
from tests.support.needs import program
from tests.support.node import eventually
from tests.support.root_zone import knot_config, signed_root
from tests.support.servers import running
from tests.unit.docs.test_documents import LINK, prose

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
BUILD = {"COMPRESS": "none", "SOURCE_DATE_EPOCH": "1764547200"}
PASSWORD = "correct horse"
CASE = "K7QD-3MXA"
LEFT = 'cd /var/lib/filterd && mkdir -p http && printf %s "$1" >>http/cases.jsonl'
MATCHES = """
import crypt, spwd, sys
known = spwd.getspnam("filterd-admin").sp_pwdp
print(crypt.crypt(sys.argv[1], known) == known)
"""
HASHES = "import crypt, sys; print(crypt.crypt(sys.argv[1], crypt.METHOD_SHA512))"
RESOLVER = "198.51.100.9"
OPEN, CLOSED = "192.0.2.7", "192.0.2.8"
ASIDE = ("/proc", "/sys", "/dev", "/run", "/tmp", "/root", "/var/log", "/var/cache", "/var/lib/apt",
         "/var/lib/dpkg", "/var/lib/systemd", "/var/lib/unbound", "/var/lib/private")  # fmt: skip


def build(folder, *words):
    made = subprocess.run(
        words, capture_output=True, text=True, check=False, cwd=ROOT, timeout=600,
        env=os.environ | BUILD | {"DIST": str(folder)},
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return {path.name.partition("_")[0]: path for path in folder.glob("*.deb")}


def again(package, version, folder):
    """The same package as another version of itself."""
    tree = folder / version
    do("dpkg-deb", "-R", str(package), str(tree))
    changed = (tree / "DEBIAN/control", tree / "usr/lib/filterd/code/filterd/__init__.py")
    for file in changed:
        text = file.read_text()
        assert __version__ in text
        file.write_text(text.replace(__version__, version))
    for stale in (tree / "usr/lib/filterd/code/filterd/__pycache__").glob("__init__.*"):
        stale.unlink()
    do("dpkg-deb", "--root-owner-group", "-Znone", "-b", str(tree), str(folder))
    return folder / package.name.replace(__version__, version)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """The box between a pupil and an internet of one server, which has the root and all names."""
    folder = tmp_path_factory.mktemp("install")
    root = signed_root(
        folder / "root", RESOLVER, f"www.example. 300 IN A {OPEN}", f"tiktok.com. 300 IN A {CLOSED}"
    )
    world = {
        "etc/unbound/test.hints": root.hints.read_text(),
        "etc/unbound/unbound.conf.d/root-auto-trust-anchor-file.conf": (
            f'server:\n    trust-anchor: "{root.anchor}"\n    root-hints: /etc/unbound/test.hints\n'
        ),
        "root/school.yaml": answers(),
        # As Debian's installer writes it; without, sudo waits for a name that nobody knows.
        "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {socket.gethostname()}\n",
    }
    pupil, internet = (f"fd-{name}-{os.getpid()}" for name in ("pupil", "inet"))
    first = steps()[0]
    with debian(folder, world) as made:
        assert first.where == "build"
        packages = build(folder / "dist", *first.command.split())
        for name in (pupil, internet):
            do("ip", "netns", "add", name)
        try:
            _wire(made, pupil, "lan0", "10.20.0.1/16", "10.20.1.7/16")
            _wire(made, internet, "wan0", "198.51.100.1/24", f"{RESOLVER}/24")
            made.run("ip", "route", "add", "default", "via", RESOLVER)
            do("ip", "netns", "exec", pupil, "ip", "route", "add", "default", "via", "10.20.0.1")
            within = ["ip", "netns", "exec", internet]
            do(*within, "ip", "route", "add", "10.20.0.0/16", "via", "198.51.100.1")
            config = str(knot_config(folder, root, f"{RESOLVER}@53"))
            knot = [program("knotd", "knot"), "-c", config]
            ready = [*within, "dig", "+tries=1", "+time=1", f"@{RESOLVER}", "www.example"]
            with running(
                [*within, *knot], folder / "knot.log", lambda: run_dig(ready).data() == [OPEN]
            ):
                reading = Reader(made, pupil, packages)
                reading.next("build")
                yield reading
        finally:
            for name in (pupil, internet):
                do("ip", "netns", "delete", name)


def _wire(made, other, name, here, there):
    peer = ("peer", "name", "eth0", "netns", other)
    do("ip", "link", "add", name, "netns", str(made.first), "type", "veth", *peer)
    made.run("ip", "address", "add", here, "dev", name)
    made.run("ip", "link", "set", name, "up")
    within = ("ip", "netns", "exec", other, "ip")
    do(*within, "link", "set", "lo", "up")
    do(*within, "address", "add", there, "dev", "eth0")
    do(*within, "link", "set", "eth0", "up")


def paths(made):
    """Every file of the box but what belongs to others or changes by itself."""
    pruned = [word for path in ASIDE for word in ("-path", path, "-prune", "-o")]
    return set(made.run("find", "/", "-xdev", *pruned, "-print").stdout.splitlines())


@pytest.fixture(scope="module")
def before(reader):
    return paths(reader.made)


def test_the_package_is_installed_and_nothing_runs(reader, before):
    assert "/usr/bin/filterd" not in before
    reader.bring(reader.packages["filterd"])
    said = reader.box()
    assert "Next: sudo filterd setup" in said
    assert not reader.exists("/etc/filterd/config.yaml")
    units = reader.made.ctl("list-units", "--all", "--plain", "--no-legend", "filterd*")
    assert "active" not in units.replace("inactive", "")


def test_setup_asks_and_writes(reader):
    asked = "Password of filterd-admin, for daily work without root (empty: no such account): "
    said = reader.typed([""] * 11, [(asked, PASSWORD), ("Once more: ", PASSWORD)])
    assert PASSWORD not in said
    assert "password set: filterd-admin" in said
    assert "lan0" in said
    assert "dig @10.20.0.1 tiktok.com" in said
    assert "running: filterd-gateway.service, filterd.socket, filterd.service" in said, said
    assert eventually(lambda: reader.dig("dig @10.20.0.1 tiktok.com") == ["0.0.0.0"])


def test_the_account_for_daily_work_may_that_and_nothing_else(reader):
    made = reader.made
    assert made.run("python3", "-c", MATCHES, PASSWORD).stdout == "True\n"

    def refused(command):
        """What it is told in place of it; "" where it may."""
        done = made.run("su", "-", "filterd-admin", "-c", command, check=False)
        assert "Traceback" not in done.stderr
        return done.stderr if done.returncode else ""

    assert refused("filterd rule block poker.example --reason 'a lesson'") == ""
    assert eventually(lambda: reader.dig("dig @10.20.0.1 poker.example") == ["0.0.0.0"])
    assert refused("filterd rule remove poker.example && filterd reload --status") == ""
    assert refused("filterd who") == ""
    assert refused("filterd override add poker.example --for 5m --reason 'a lesson'") == ""
    assert refused("filterd override list | grep -q poker && filterd rule list") == ""
    assert refused("filterd override remove poker.example") == ""
    left = to_line(
        Case(CASE, int(time.time()) // HOUR * HOUR, "list", "lesson", host="poker.example")
    ).decode()
    made.run("runuser", "-u", "filterd", "--", "sh", "-c", LEFT, "sh", left)
    assert refused(f"filterd case show {CASE} && filterd case close {CASE} --kept") == ""
    for command in (
        "cat /var/lib/filterd/log.sqlite", "filterd log", "filterd backup x", "sudo -n true",
        "filterd setup --answers /root/school.yaml", "echo >>/etc/filterd/config.yaml",
    ):  # fmt: skip
        assert refused(command), command


def test_answers_from_a_file_change_what_they_change(reader):
    shown = reader.box(code=1)
    assert "+- lower-secondary" in shown.replace("  ", "")
    assert "grades-6-7" not in reader.made.run("cat", "/etc/filterd/config.yaml").stdout
    reader.box()
    assert "grades-6-7" in reader.made.run("cat", "/etc/filterd/config.yaml").stdout
    done = reader.made.run("filterd", "setup", "--answers", "/root/school.yaml", "--check")
    assert "nothing to write" in done.stdout


def test_the_file_for_many_boxes_has_the_hash_of_a_password(reader):
    made, file = reader.made, "/root/with-password.yaml"
    hashed = made.run("python3", "-c", HASHES, "another password").stdout.strip()
    with Path(f"/proc/{made.first}/root{file}").open("w") as answered:
        answered.write(answers() + f"admin_password: '{hashed}'\n")
    setup = ("filterd", "setup", "--lang", "en", "--answers", file)
    shown = made.run(*setup, "--check", check=False)
    assert shown.returncode == 1
    assert "would set the password of filterd-admin" in shown.stdout
    assert hashed not in shown.stdout + shown.stderr
    made.run(*setup)
    assert made.run("python3", "-c", MATCHES, "another password").stdout == "True\n"
    assert "would set the password" not in made.run(*setup, "--check").stdout
    assert made.run("grep", "-r", hashed, "/etc/filterd", check=False).stdout == ""


def test_it_works(reader):
    assert "grades-6-7" in reader.box()
    assert reader.box() == "active\n" * 3
    reader.box()
    assert "applied" in reader.box()
    assert "block" in reader.box().lower()
    assert reader.dig() == [OPEN]
    assert reader.dig() == ["0.0.0.0"]
    assert reader.dig() == ["0.0.0.0"]  # whichever resolver is asked
    forwarding = reader.made.run("cat", "/proc/sys/net/ipv4/ip_forward").stdout
    assert forwarding == "1\n"
    tables = set(reader.made.run("nft", "list", "tables").stdout.splitlines())
    assert tables == {"table ip filterd_uplink", "table inet filterd"}


def test_a_change_by_hand_is_taken_and_kept(reader):
    file = Path(f"/proc/{reader.made.first}/root/etc/filterd/config.yaml")
    file.write_text(file.read_text() + "block: [www.example]\n")
    reader.box()
    reader.box()
    assert eventually(lambda: reader.dig("dig @10.20.0.1 www.example") == ["0.0.0.0"])
    setup = ("filterd", "setup", "--lang", "en", "--answers", "/root/school.yaml")
    kept = reader.made.run(*setup, check=False)
    assert kept.returncode == 1
    assert "changed by hand" in kept.stdout
    assert "--replace" in kept.stdout
    reader.made.run(*setup, "--replace")
    assert reader.exists("/etc/filterd/config.yaml.bak")
    assert eventually(lambda: reader.dig("dig @10.20.0.1 www.example") == [OPEN])


def test_what_root_types_is_the_daemon_s_afterwards(reader):
    made = reader.made
    there = Path(f"/proc/{made.first}/root")
    file, own = there / "etc/filterd/config.yaml", there / "etc/filterd/own.txt"
    good = file.read_text()
    own.write_text("bingo.example\n")
    file.write_text(good + "lists: {own: {path: own.txt, format: domains, category: gambling}}\n")
    made.run("filterd", "lists", "update")
    assert eventually(lambda: reader.dig("dig @10.20.0.1 bingo.example") == ["0.0.0.0"])
    made.run("filterd", "http", "ca", "new", "--site", "A school")
    made.run("rm", "-f", "/var/lib/filterd/bypass.sqlite")
    made.run("filterd", "bypass", "look")  # which asks the firewall, as root
    book = made.run("stat", "-c", "%U %s", "/var/lib/filterd/bypass.sqlite").stdout.split()
    assert (book[0], int(book[1]) > 0) == ("filterd", True)
    # What somebody who has taken over the daemon's account would like root to write through.
    for link in ("/var/lib/filterd/feed", "/var/lib/filterd/http/handoffs"):
        made.run("runuser", "-u", "filterd", "--", "ln", "-s", "/etc/filterd", link)
    refused = made.run(
        "filterd", "feed", "enrol", "code", "--hub", "http://127.0.0.1:1", check=False
    )
    assert "Permission denied" in refused.stderr
    assert made.run("stat", "-c", "%U", "/etc/filterd").stdout == "root\n"
    made.run(
        "rm", "/var/lib/filterd/feed", "/var/lib/filterd/http/handoffs", "/etc/filterd/own.txt"
    )
    assert made.run("find", "/var/lib/filterd", "-user", "root").stdout == ""
    file.write_text(good)
    made.run("filterd", "reload")


def test_the_http_filter_s_package(reader):
    reader.bring(reader.packages["filterd-http"])
    reader.box(where="box-http")
    python = "/usr/lib/filterd/venv-http/bin/python"
    words = (python, "-c", "import mitmproxy.version, filterd.http.worker; print('both')")
    assert reader.made.run(*words).stdout == "both\n"


def test_a_copy_comes_back(reader):
    reader.made.run("filterd", "rule", "block", "casino.example", "--reason", "a test")
    assert "state/local-rules.jsonl" in reader.box()
    mode = reader.made.run("stat", "-c", "%a %U", "/var/backups/filterd.tar.zst").stdout
    assert mode == "600 root\n"
    reader.made.run("filterd", "rule", "remove", "casino.example")
    reader.made.run("rm", "/etc/filterd/config.yaml")
    for _ in range(4):
        reader.box()
    listed = reader.made.run("stat", "-c", "%U", "/var/lib/filterd/local-rules.jsonl").stdout
    assert listed == "filterd\n"
    assert eventually(lambda: reader.dig("dig @10.20.0.1 casino.example") == ["0.0.0.0"])


def test_a_copy_each_night(reader):
    made = reader.made
    for _ in range(3):
        reader.box()
    made.ctl("start", "filterd-backup.service")
    [copy] = made.run("find", "/var/backups/filterd", "-type", "f").stdout.splitlines()
    assert made.run("filterd", "restore", copy, "--check").returncode == 0
    made.ctl("disable", "--now", "filterd-backup.timer")
    made.run("sh", "-c", "rm -r /var/backups/filterd /etc/systemd/system/filterd-backup.*")
    made.ctl("daemon-reload")


def test_the_documents_lead_to_what_is_there(reader):
    pages = Path(f"/proc/{reader.made.first}/root/usr/share/doc/filterd")
    names = [str(each.relative_to(pages)) for each in pages.rglob("*.md")]
    assert {"docs/isp-cluster.md", "systemd/README.md", "README.md"} < set(names)
    found = {
        (name, target.partition("#")[0])
        for name in names
        for target in LINK.findall(prose((pages / name).read_text()))
        if "://" not in target and not target.startswith(("#", "mailto:"))
    }
    assert len(found) > 50
    # Seen from within: links that are absolute are the box's.
    wanted = [str(Path("/usr/share/doc/filterd", name).parent / to) for name, to in sorted(found)]
    script = 'for each; do test -e "$each" || echo "$each"; done'
    assert reader.made.run("sh", "-c", script, "sh", *wanted).stdout == ""
    assert reader.made.run("test", "-x", "/usr/lib/filterd/filterd-anycast").returncode == 0


def test_a_new_version_loses_no_query_and_keeps_the_state(reader, tmp_path):
    reader.bring(again(reader.packages["filterd"], "9.0.0", tmp_path))
    remove_http(reader)
    old = reader.made.main("filterd.service")
    link = "/etc/systemd/system/nftables.service.wants/filterd-gateway.service"
    reader.made.run("rm", link)  # as on a box whose version did not make it
    with Asking(reader) as asking:
        reader.box(where="box-upgrade")
        eventually(lambda: reader.made.main("filterd.service") not in {0, old})
        asking.some_more()
    assert asking.wrong == []
    assert reader.exists(link)
    assert reader.made.run("filterd", "--version").stdout == "filterd 9.0.0\n"
    assert reader.dig("dig @10.20.0.1 casino.example") == ["0.0.0.0"]


def test_a_configuration_that_is_refused_leaves_what_runs(reader):
    file = Path(f"/proc/{reader.made.first}/root/etc/filterd/config.yaml")
    good = file.read_text()
    file.write_text(good + "no_such_key: 1\n")
    running = reader.made.main("filterd.service")
    package = next(Path(f"/proc/{reader.made.first}/root/root").glob("filterd_*.deb")).name
    done = reader.made.run("dpkg", "-i", f"/root/{package}", check=False)
    assert done.returncode != 0
    assert "no_such_key" in done.stderr
    assert "dpkg --configure filterd" in done.stderr
    assert reader.made.main("filterd.service") == running
    assert reader.dig("dig @10.20.0.1 tiktok.com") == ["0.0.0.0"]
    file.write_text(good)
    reader.made.run("dpkg", "--configure", "filterd")
    assert reader.made.main("filterd.service") not in {0, running}


def test_back_to_the_version_before(reader):
    reader.bring(reader.packages["filterd"])
    reader.box(where="box-rollback", said="y\n")
    assert reader.made.run("filterd", "--version").stdout == f"filterd {__version__}\n"
    assert eventually(lambda: reader.dig("dig @10.20.0.1 casino.example") == ["0.0.0.0"])


def test_removed_and_installed_again_it_says_how_it_is_turned_on(reader):
    made = reader.made
    made.run("apt-get", "remove", "-y", "filterd")
    package = next(Path(f"/proc/{made.first}/root/root").glob("filterd_*.deb")).name
    said = made.run("apt-get", "install", "-y", f"/root/{package}").stdout
    assert "Next: sudo filterd setup --answers /etc/filterd/setup.yaml\n" in said
    assert made.main("filterd.service") == 0
    made.run("filterd", "setup", "--answers", "/etc/filterd/setup.yaml")
    assert eventually(lambda: reader.dig("dig @10.20.0.1 casino.example") == ["0.0.0.0"])
    assert reader.dig("dig @198.51.100.9 tiktok.com") == ["0.0.0.0"]


def test_purged_it_leaves_nothing(reader, before):
    reader.box(where="box-last", said="y\n")
    # The copy that the reader made is the reader's.
    assert paths(reader.made) - before == {"/var/backups/filterd.tar.zst"}
    assert reader.made.run("nft", "list", "tables").stdout == ""
    assert before - paths(reader.made) == set()
    assert reader.made.run("getent", "passwd", "filterd-admin", check=False).returncode == 2


def test_every_command_was_typed(reader):
    assert not reader.left


def remove_http(reader):
    """It is of one version with the other; whoever upgrades has both files."""
    reader.made.run("apt-get", "remove", "-y", "filterd-http")
