"""The page on socket activation: its units are those we ship, systemd reads them, and its sockets
are those of its configuration.
"""

import re
from pathlib import Path

from filterd.config.load import loads
from filterd.policy.rulebook import default_directory, load_rulebook
from tests.support.unit_root import add_drop_in, analyze, unit_root

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "socket-activation.md").read_text(encoding="utf-8")
SOCKET = (ROOT / "systemd" / "filterd.socket").read_text(encoding="utf-8")


def fence(kind: str) -> str:
    [text] = re.findall(rf"^ *```{re.escape(kind)}\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
    return "".join(line.strip() + "\n" for line in text.splitlines())


def test_the_unit_on_the_page_is_the_one_we_ship() -> None:
    assert fence("ini systemd/filterd.socket") in SOCKET


def test_the_unit_has_a_socket_for_each_address_of_the_configuration() -> None:
    [text] = re.findall(r"```yaml config\n(.*?)```", PAGE, re.DOTALL)
    listen = loads(text, book=load_rulebook(default_directory()), formats=set()).listen
    units = {"Datagram": listen.udp, "Stream": listen.tcp}
    for kind, doors in units.items():
        assert len(doors) == 2
        assert re.findall(rf"^Listen{kind}=(.+)$", SOCKET, re.MULTILINE) == list(map(str, doors))


def test_the_faults_are_quoted_as_they_are_printed() -> None:
    source = (ROOT / "filterd" / "app" / "inherited.py").read_text(encoding="utf-8")
    assert "is not in listen.{kind}; add it there" in source
    assert "`is not in listen.udp; add it there`" in PAGE


def test_systemd_takes_the_drop_ins_of_the_page(tmp_path: Path) -> None:
    root = unit_root(tmp_path)
    add_drop_in(
        root, "filterd.service", "sockets.conf", fence("ini filterd.service.d/sockets.conf")
    )
    add_drop_in(root, "filterd.socket", "listen.conf", fence("ini filterd.socket.d/listen.conf"))
    done = analyze(root, "verify", "--man=no", "filterd.socket", "filterd.service")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    add_drop_in(root, "filterd.socket", "listen.conf", "[Socket]\nListenDatagrams=\n")
    assert "ListenDatagrams" in analyze(root, "verify", "--man=no", "filterd.socket").stderr
