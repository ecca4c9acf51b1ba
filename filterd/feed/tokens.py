"""Keys in a token: a smartcard or another device that signs and never gives its key away (PKCS#11).

    pkcs11:token=officer-1;id=%02?module-path=/usr/lib/softhsm/libsofthsm2.so

as RFC 7512 writes it, with python-pkcs11 (the extra `pkcs11`). ECDSA over P-256 and P-384 is done
by securesystemslib; Ed25519, which logs and witnesses sign with, here. The PIN is handed in by a
function, so it stands in no command line.
"""

import importlib
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_to_bytes, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import HSMSigner, Signature, Signer, SSlibKey

from filterd.feed.keys import KeyFileError

SCHEME = "pkcs11:"
MODULE = "PYKCS11LIB"  # the variable by which securesystemslib is told of the module
_POINT = 32  # octets of an Ed25519 key
USUAL_ID = 2  # the slot of a PIV card that signs
_FORM = "pkcs11:token=LABEL;id=%02?module-path=/usr/lib/…/module.so"


@dataclass(frozen=True, slots=True)
class TokenAddress:
    """Where a key is. `token` None: the only one there is. `module` None: as $PYKCS11LIB says."""

    token: str | None
    key: int
    module: str | None
    pin_file: str | None


def read_address(text: str) -> TokenAddress:
    """Read a PKCS#11 address (RFC 7512).

    Raises:
        KeyFileError: it is none, or has a part that is not known here.
    """
    parts = urlsplit(text)
    if parts.scheme != "pkcs11":
        raise KeyFileError(f"not the address of a key in a token: {text[:80]!r}; {_FORM}")
    words = [each.partition("=") for each in parts.path.split(";") if each]
    path = {name: value for name, _, value in words}
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = [*(path.keys() - {"token", "id"}), *(query.keys() - {"module-path", "pin-source"})]
    if unknown:
        why = f"{', '.join(sorted(unknown))}: not read here, a PIN least of all"
        raise KeyFileError(f"{why}; {_FORM}&pin-source=file:…")
    ident = unquote_to_bytes(path["id"]) if "id" in path else b""
    return TokenAddress(
        unquote(path["token"]) if "token" in path else None,
        int.from_bytes(ident, "big") if ident else USUAL_ID,
        query.get("module-path"),
        query["pin-source"].removeprefix("file:") if "pin-source" in query else None,
    )


def open_token(address: TokenAddress, ask: Callable[[str], str]) -> Signer:
    """Return what signs with a key in a token. `ask` is asked for the PIN, once.

    Raises:
        KeyFileError: no library, module, token or key, or another PIN.
    """
    if importlib.util.find_spec("pkcs11") is None:
        raise KeyFileError("keys in tokens need python-pkcs11: pip install python-pkcs11")
    if address.module is not None:
        os.environ[MODULE] = address.module
    module = os.environ.get(MODULE, "")
    if not Path(module).is_file():
        why = f"the token's PKCS#11 module is not there ({module or 'not named'})"
        raise KeyFileError(f"{why}: name it with ?module-path= or ${MODULE}")
    known: list[str] = []

    def pin(_secret: str) -> str:
        if not known:
            known.append(_pin(address, ask))
        return known[0]

    try:
        found = _edwards_key(address.key, address.token)
        if found is not None:
            return TokenSigner(address, EdwardsSigner(address, found, pin))
        _, public = HSMSigner.import_(address.key, address.token, pin)
    except Exception as error:
        raise _told(address, error) from error
    return TokenSigner(address, HSMSigner(address.key, public, pin, address.token))


class EdwardsSigner(Signer):
    """Signs with an Ed25519 key of a token (PKCS#11 version 3, CKM_EDDSA)."""

    def __init__(self, address: TokenAddress, public: SSlibKey, pin: Callable[[str], str]) -> None:
        self._address = address
        self._public = public
        self._pin = pin

    @property
    def public_key(self) -> SSlibKey:
        """The public part of the key."""
        return self._public

    @classmethod
    def from_priv_key_uri(cls, priv_key_uri: str, *_: object) -> "EdwardsSigner":
        """Not a way in: `open_token` is. KeyFileError."""
        raise KeyFileError(f"{priv_key_uri}: opened by `open_token` only")

    def sign(self, payload: bytes) -> Signature:
        """Sign in the token."""
        pkcs11 = importlib.import_module("pkcs11")
        with _token(self._address.token).open(user_pin=self._pin("pin")) as session:
            kind, form = pkcs11.ObjectClass.PRIVATE_KEY, pkcs11.KeyType.EC_EDWARDS
            key = session.get_key(kind, form, id=_octets(self._address.key))
            made = key.sign(payload, mechanism=pkcs11.Mechanism.EDDSA)
        return Signature(self._public.keyid, made.hex())


def _edwards_key(ident: int, token: str | None) -> SSlibKey | None:
    """Return the public Ed25519 key of that id; None: there is none that can be seen."""
    pkcs11 = importlib.import_module("pkcs11")
    with _token(token).open() as session:
        wanted = {
            pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PUBLIC_KEY,
            pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.EC_EDWARDS,
            pkcs11.Attribute.ID: _octets(ident),
        }
        for key in session.get_objects(wanted):
            # The point comes as it is, or in an OCTET STRING of DER: it is at the end.
            point = key[pkcs11.Attribute.EC_POINT][-_POINT:]
            return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(point))
    return None


def _token(label: str | None) -> Any:
    pkcs11 = importlib.import_module("pkcs11")
    flags = pkcs11.TokenFlag.TOKEN_INITIALIZED
    return pkcs11.lib(os.environ[MODULE]).get_token(token_label=label, token_flags=flags)


def _octets(ident: int) -> bytes:
    return ident.to_bytes(max(1, (ident.bit_length() + 7) // 8), "big")


class TokenSigner(Signer):
    """A signer whose failures say what to do; those of PKCS#11 are names of constants."""

    def __init__(self, address: TokenAddress, inner: EdwardsSigner | HSMSigner) -> None:
        self._address = address
        self._inner = inner

    @property
    def public_key(self) -> SSlibKey:
        """The public part of the key."""
        return self._inner.public_key

    @classmethod
    def from_priv_key_uri(cls, priv_key_uri: str, *_: object) -> "TokenSigner":
        """Not a way in: `open_token` is. KeyFileError."""
        raise KeyFileError(f"{priv_key_uri}: opened by `open_token` only")

    def sign(self, payload: bytes) -> Signature:
        """Sign in the token. KeyFileError: it does not."""
        try:
            return self._inner.sign(payload)
        except Exception as error:
            raise _told(self._address, error) from error


def _pin(address: TokenAddress, ask: Callable[[str], str]) -> str:
    if address.pin_file is None:
        return ask(f"PIN of token {address.token or ''}".strip())
    try:
        lines = Path(address.pin_file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"{address.pin_file}: {error}") from error
    return lines[0] if lines else ""


def _told(address: TokenAddress, error: Exception) -> Exception:
    """Return what to say of a failure; python-pkcs11 has no root for its errors but its module."""
    if isinstance(error, KeyFileError):
        return error
    token = address.token or "the token"
    kind = type(error).__name__
    if kind.startswith("Pin"):
        return KeyFileError(f"{token}: not its PIN ({kind}); a few more wrong ones lock it")
    if isinstance(error, (ValueError, UnsupportedLibraryError)):
        return KeyFileError(f"{token}: {error}; `pkcs11-tool --list-objects` shows what is there")
    if kind == "NoSuchToken":
        return KeyFileError(f"no token {token!r} is there; `pkcs11-tool --list-slots` shows which")
    if type(error).__module__.startswith("pkcs11"):
        return KeyFileError(f"{token}: {kind} {error}".rstrip() + "; is it plugged in?")
    return error
