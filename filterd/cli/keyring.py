"""Keys on the command line: where they are, and how their passphrases are asked for."""

import argparse
import getpass
import json
import os
import warnings
from pathlib import Path

from securesystemslib.signer import Signer

from filterd.feed.canonical import fields
from filterd.feed.keys import KeyFileError, open_key
from filterd.feed.refusal import Refused
from filterd.feed.tokens import SCHEME, open_token, read_address
from filterd.feed.trust import check_root
from filterd.model.errors import RulesError
from filterd.model.order import PublicKey

PASSPHRASE = "FILTERD_PASSPHRASE"  # noqa: S105 - the name of a variable
_FIELDS = {"id": str, "keytype": str, "scheme": str, "public": str}


def add_passphrase(parser: argparse.ArgumentParser) -> None:
    """Add --passphrase-file."""
    parser.add_argument(
        "--passphrase-file",
        metavar="FILE",
        help=f"the first line is the passphrase of the keys (default: ${PASSPHRASE}, else asked)",
    )


def passphrase(args: argparse.Namespace, what: str) -> str:
    """Return the passphrase for a key. KeyFileError: its file cannot be read."""
    if args.passphrase_file is not None:
        try:
            lines = Path(args.passphrase_file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise KeyFileError(f"{args.passphrase_file}: {_why(error)}") from error
        return lines[0] if lines else ""
    return os.environ.get(PASSPHRASE) or ask(f"passphrase of {what}")


def new_passphrase(args: argparse.Namespace, what: str) -> str:
    """Return the passphrase for a new key; whoever types it does so twice. KeyFileError."""
    first = passphrase(args, what)
    if args.passphrase_file is None and not os.environ.get(PASSPHRASE) and first != ask("again"):
        raise KeyFileError("the two passphrases differ; no key was made")
    return first


def ask(what: str) -> str:
    """Ask at the terminal, without showing what is typed. KeyFileError: nobody can be asked."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(f"{what}: ")
    except (getpass.GetPassWarning, EOFError):
        raise KeyFileError(
            f"{what}: there is no terminal to ask at; set ${PASSPHRASE} or give --passphrase-file"
        ) from None


def read_root(path: str) -> bytes:
    """Return a root of trust as it is written. RulesError: it is none; OSError."""
    data = Path(path).read_bytes()
    try:
        check_root(data)
    except Refused as refused:
        raise RulesError(f"{path}: {refused}") from refused
    return data


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def signers(args: argparse.Namespace, paths: list[str]) -> list[Signer]:
    """Open keys: files, or `pkcs11:…` for one in a token. KeyFileError."""
    return [_signer(args, path) for path in paths]


def _signer(args: argparse.Namespace, path: str) -> Signer:
    if path.startswith(SCHEME):
        return open_token(read_address(path), ask)
    return open_key(Path(path), passphrase(args, path))


def write_public(path: Path, key: PublicKey) -> None:
    """Write the public part of a key. OSError."""
    parts = {name: getattr(key, name) for name in _FIELDS}
    path.write_text(json.dumps(parts, indent=2) + "\n", encoding="utf-8")


def read_public(path: str) -> PublicKey:
    """Read what `write_public` writes. KeyFileError, Refused."""
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise KeyFileError(f"{path}: not the public part of a key: {_why(error)}") from error
    return PublicKey(**fields(value, _FIELDS, path))
