"""The page on socket activation: its units are those we ship, systemd reads them, and its sockets
are those of its configuration.
"""

import re
import subprocess
from pathlib import Path

from filterd.config.load import loads
from filterd.policy.rulebook import default_directory, load_rulebook
from tests.support.needs import program

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


def verified(folder: Path) -> subprocess.CompletedProcess[str]:
    units = [str(folder / name) for name in ("filterd.socket", "filterd.service")]
    return subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_systemd_finds_no_fault_in_the_pair(tmp_path: Path) -> None:
    program("systemd-analyze", "systemd")
    service = (ROOT / "systemd" / "filterd.service").read_text(encoding="utf-8")
    # Its program is not installed here, and that is not what is asked.
    service = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", service, flags=re.MULTILINE)
    (tmp_path / "filterd.service").write_text(service)
    (tmp_path / "filterd.socket").write_text(SOCKET)
    drop_in = tmp_path / "filterd.service.d" / "socket.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(fence("ini filterd.service.d/socket.conf"))
    done = verified(tmp_path)
    said = [line for line in done.stderr.splitlines() if "filterd" in line]
    assert (done.returncode, said) == (0, [])
    drop_in.write_text("[Unit]\nRequire=filterd.socket\n")
    assert "Require" in verified(tmp_path).stderr  # it does read the drop-in
