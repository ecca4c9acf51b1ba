"""Keys of officers, authorities and logs: files now, a token through PKCS#11 where there is one.

A private key lies encrypted on disk (PKCS#8, as OpenSSL writes and reads it) and is never shown,
logged or sent. Signatures are made and checked by securesystemslib, so Ed25519, ECDSA and RSA
tokens all do.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer import CryptoSigner, Key, Signer, SSlibKey
from securesystemslib.signer import Signature as RawSignature

from filterd.model.durable import sync_directory
from filterd.model.errors import FilterdError
from filterd.model.order import PublicKey, Signature

LEAST_PASSPHRASE = 12  # characters


class KeyFileError(FilterdError):
    """A key cannot be written or read; the text says what to do."""


def new_key(path: Path, passphrase: str) -> PublicKey:
    """Make an Ed25519 key and write it encrypted to `path` (mode 0600), which must not exist.

    Raises:
        KeyFileError: the passphrase is too short, or the file is there or cannot be written.
    """
    if len(passphrase) < LEAST_PASSPHRASE:
        raise KeyFileError(f"a passphrase has {LEAST_PASSPHRASE} characters or more")
    private = Ed25519PrivateKey.generate()
    written = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    _write_new(path, written)
    return public_key(CryptoSigner(private))


def open_key(path: Path, passphrase: str) -> Signer:
    """Return what signs with the key in `path`.

    Raises:
        KeyFileError: no such file, no key in it, or another passphrase.
    """
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), passphrase.encode())
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror or error}") from error
    except (ValueError, TypeError) as error:
        if path.suffix == ".pub":
            raise KeyFileError(
                f"{path}: the public part signs nothing; the key is needed"
            ) from error
        raise KeyFileError(f"{path}: not a key, or not its passphrase") from error
    try:
        return CryptoSigner(private)
    except ValueError as error:
        raise KeyFileError(f"{path}: a kind of key that does not sign here: {error}") from error


def node_key(path: Path) -> Signer:
    """Return the key of this node, making it if it is not there. It signs for a machine that starts
    by itself, so it is not encrypted; only the daemon may read it (mode 0600).

    Raises:
        KeyFileError: it can be neither read nor made.
    """
    if not path.exists():
        private = Ed25519PrivateKey.generate()
        _make_whole(
            path,
            private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
    try:
        return CryptoSigner(serialization.load_pem_private_key(path.read_bytes(), None))
    except (OSError, ValueError, TypeError) as error:
        raise KeyFileError(f"{path}: not this node's key: {error}") from error


def public_key(signer: Signer) -> PublicKey:
    """Return the public part of a key."""
    key = signer.public_key
    return PublicKey(key.keyid, key.keytype, key.scheme, key.keyval["public"])


def sign(signer: Signer, data: bytes) -> Signature:
    """Sign `data`."""
    made = signer.sign(data)
    return Signature(made.keyid, made.signature)


def verifies(key: PublicKey, signature: Signature, data: bytes) -> bool:
    """Say whether `signature` over `data` was made with `key`."""
    raw = RawSignature(signature.key, signature.value)
    try:
        _loaded(key).verify_signature(raw, data)
    except (UnverifiedSignatureError, VerificationError, ValueError):
        return False
    return signature.key == key.id


def _loaded(key: PublicKey) -> Key:
    return SSlibKey(key.id, key.keytype, key.scheme, {"public": key.public})


def _write_new(path: Path, written: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(written)
            os.fsync(file.fileno())
    except OSError as error:
        if isinstance(error, FileExistsError):
            raise KeyFileError(f"{path} is there; a key is never written over another") from error
        raise KeyFileError(f"{path}: {error.strerror or error}") from error


def _make_whole(path: Path, written: bytes) -> None:
    """Make a file that is whole whenever it is there; one that another made meanwhile stays."""
    try:
        handle, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".new", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(written)
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(name, path)
        finally:
            Path(name).unlink()
        sync_directory(path.parent)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror or error}") from error
