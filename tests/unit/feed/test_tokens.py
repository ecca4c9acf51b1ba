"""Officers' keys of every kind, in files and in a token."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from securesystemslib.signer import CryptoSigner

from filterd.feed.keys import KeyFileError, public_key
from filterd.feed.registry import read_registry, registry_json
from filterd.feed.tokens import open_token, read_address
from filterd.feed.warrant import check_act
from filterd.model.order import Registry
from tests.support.ministry import ANYTHING, NOW, Ministry, order, signer
from tests.support.softhsm import PIN, soft_token


def ordered_by(*officers):
    """An order signed by `officers`, checked by a registry that went over the wire."""
    ministry = Ministry.new(officers=tuple(map(public_key, officers)))
    ministry.officers = list(officers)
    registry = read_registry(registry_json(Registry(1, (ministry.authority,))))
    return check_act(ministry.sign(order()), registry, ANYTHING, NOW) == ministry.authority


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP256R1()),
        lambda: ec.generate_private_key(ec.SECP384R1()),
        lambda: rsa.generate_private_key(65537, 2048),
    ],
)
def test_ecdsa_and_rsa_officers_order_as_ed25519_ones_do(make):
    assert ordered_by(signer(), CryptoSigner(make()))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("pkcs12:token=a", "not the address"),
        ("pkcs11:token=a;pin-value=1234", "pin-value"),
        ("pkcs11:token=a?pin-value=1234", "pin-value"),
        ("pkcs11:object=a", "object"),
    ],
)
def test_an_address_with_what_is_not_read_is_refused(text, fault):
    with pytest.raises(KeyFileError, match=fault):
        read_address(text)


def test_an_address_is_read_as_rfc_7512_writes_it():
    found = read_address(
        "pkcs11:token=S%E1%BB%9F%201;id=%01%02?module-path=/m.so&pin-source=file:/p"
    )
    assert (found.token, found.key, found.module, found.pin_file) == ("Sở 1", 258, "/m.so", "/p")
    assert read_address("pkcs11:").key == 2


def test_no_module_is_told(monkeypatch):
    monkeypatch.delenv("PYKCS11LIB", raising=False)
    with pytest.raises(KeyFileError, match="module-path"):
        open_token(read_address("pkcs11:token=a"), lambda _: "")


def test_an_officer_signs_with_a_token(tmp_path, monkeypatch):
    # Each kind of configuration is read once in a process, so this test has one of its own.
    token = soft_token(tmp_path / "hsm", monkeypatch)
    for kind, ident in (("EC:prime256v1", 2), ("EC:secp384r1", 3), ("EC:edwards25519", 5)):
        token.make(kind, ident)
    script = f"""
from filterd.feed.keys import KeyFileError
from filterd.feed.tokens import open_token, read_address
from tests.unit.feed.test_tokens import ordered_by
from tests.support.ministry import signer
asked = []
def ask(what):
    asked.append(what)
    return {PIN!r}
for ident in (2, 3, 5):
    officer = open_token(read_address({token.address(pin=False)!r}.replace("%02", f"%0{{ident}}")), ask)
    assert ordered_by(signer(), officer), ident
    assert ordered_by(officer, signer())
assert asked == ["PIN of token officer"] * 3, asked
assert ordered_by(open_token(read_address({token.address()!r}), ask), signer())
for address, pin, told in (
    ({token.address(pin=False)!r}, "000000", "not its PIN"),
    ({token.address(9)!r}, "", "could not find"),
    ({token.address().replace("officer", "nobody")!r}, "", "no token 'nobody'"),
):
    try:
        ordered_by(open_token(read_address(address), lambda _: pin), signer())
    except KeyFileError as error:
        assert told in str(error), error
    else:
        raise SystemExit(f"{{address}} was taken")
"""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
