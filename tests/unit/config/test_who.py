"""`who:` as it is read."""

from pathlib import Path

import pytest

from filterd.config.load import load, loads
from filterd.model.errors import ConfigError

TEXT = """
who:
  dnsmasq: [leases/dnsmasq.leases]
  kea: [/var/lib/kea/kea-leases4.csv]
  radius:
    listen: ['127.0.0.1:1813']
    nas:
      ap: {address: '2001:DB8::5', secret_file: ap.secret}
    session: 6h
"""


def test_files_are_seen_from_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "filterd.yaml"
    file.write_text(TEXT)
    who = load(file).who
    assert who.neighbours
    assert who.dnsmasq == (tmp_path / "leases/dnsmasq.leases",)
    assert who.kea == (Path("/var/lib/kea/kea-leases4.csv"),)
    assert who.radius.nas["ap"].secret_file == tmp_path / "ap.secret"
    assert who.radius.nas["ap"].address == "2001:db8::5"
    assert who.radius.session == 6 * 3600


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("who: {radius: {nas: {ap: {address: ap.test, secret_file: s}}}}", "IP address"),
        ("who: {radius: {nas: {ap: {address: 192.0.2.1}}}}", "secret_file"),
        ("who: {leases: [x]}", "leases"),
    ],
)
def test_what_cannot_be_read(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        loads(text)
