"""The log's key as this machine hands it over: a file, and its passphrase from elsewhere."""

from collections.abc import Mapping
from pathlib import Path

from securesystemslib.signer import Signer

from filterd.config.hub import LogKeyConfig
from filterd.feed.keys import open_key, public_key
from filterd.feed.standing import read_standing
from filterd.model.errors import ConfigError

CREDENTIAL = "log-passphrase"
CREDENTIALS = "CREDENTIALS_DIRECTORY"
Environ = Mapping[str, str]


def open_keeper(feed: Path, log: LogKeyConfig, environ: Environ) -> Signer:
    """Return the signer of the log in `feed`.

    Raises:
        ConfigError, KeyFileError, Refused: with what to do.
        OSError: the feed cannot be read.
    """
    known = read_standing(feed).policy.log
    keeper = open_key(log.key, _passphrase(log, environ))
    if public_key(keeper) != known.key:
        raise ConfigError((f"log.key: {log.key} is not the key of the log {known.origin}",))
    return keeper


def _passphrase(log: LogKeyConfig, environ: Environ) -> str:
    path = log.passphrase_file
    if path is None:
        handed = environ.get(CREDENTIALS)
        if handed is None:
            raise ConfigError(
                (f"log.passphrase_file: name one, or let systemd load the credential {CREDENTIAL}",)
            )
        path = Path(handed) / CREDENTIAL
    try:
        # systemd guards its credentials itself; where it does by an ACL, the mode looks wider.
        if log.passphrase_file is not None and path.stat().st_mode & 0o077:
            raise ConfigError((f"log.passphrase_file: others may read it; chmod 600 {path}",))
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError((f"log.passphrase_file: {path}: {why}",)) from error
    return lines[0] if lines else ""
