"""From configuration to the guard in the core: who is answered, limits, the secrets of cookies.

A secret that the configuration names must be there and whole. The node's own is made where it is
missing; without a usable place for it cookies last until the next start, and nothing else is lost.
"""

import ipaddress
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filterd.config.access import LOOPBACK, PRIVATE, WIDEST
from filterd.config.schema import Config
from filterd.model.client_id import IdKind, kind_of
from filterd.model.errors import ConfigError

logger = logging.getLogger(__name__)

SECRET_BYTES = 16
_MAX_FILE = 256


@dataclass(frozen=True, slots=True)
class Guarding:
    """What the core's guard is made of. `settings`: JSON; `secrets`: none, the one in use, or that
    and the one before, 16 bytes each.
    """

    settings: str
    secrets: tuple[bytes, ...] = field(repr=False)


def guarding(config: Config, state: Path, random_bytes: Callable[[int], bytes]) -> Guarding:
    """Return the guard's settings and secrets; may make the secret's file below `state`.

    Args:
        config: the configuration.
        state: the state directory.
        random_bytes: `n -> n random bytes`, for example `secrets.token_bytes`.

    Raises:
        ConfigError: a secret that the configuration names cannot be used.
    """
    return Guarding(guard_settings(config), _secrets(config, state, random_bytes))


def guard_settings(config: Config) -> str:
    """Return the guard's settings as the core reads them."""
    limits = config.limits
    settings: dict[str, Any] = {
        "access": {"networks": list(answered(config)), "others": config.access.others},
        "exempt": list(limits.exempt),
        "queries": limits.queries.model_dump() | {"burst": _burst(config)},
        "responses": limits.responses.model_dump() | {"window": limits.responses.window},
        "cookies": config.cookies.model_dump(include={"enabled", "require"}),
    }
    return json.dumps(settings)


def answered(config: Config) -> tuple[str, ...]:
    """Return the networks that are answered, each once."""
    access = config.access
    private = PRIVATE if access.private else ()
    more = (*access.networks, *config.listen.proxies, *_known(config))
    return tuple(dict.fromkeys((*LOOPBACK, *private, *more)))


def _known(config: Config) -> Iterator[str]:
    for group in config.groups.values():
        for text in group.networks:
            network = ipaddress.ip_network(text)
            if network.prefixlen >= WIDEST[network.version]:
                yield text
    for client in config.clients.values():
        yield from (known for known in client.ids if kind_of(known) is IdKind.NETWORK)


def _burst(config: Config) -> int:
    queries = config.limits.queries
    return 2 * queries.rate if queries.burst is None else queries.burst


def _secrets(
    config: Config, state: Path, random_bytes: Callable[[int], bytes]
) -> tuple[bytes, ...]:
    cookies = config.cookies
    if not cookies.enabled:
        return ()
    problems: list[str] = []
    found: list[bytes] = []
    for key in ("secret_file", "older_secret_file"):
        path: Path | None = getattr(cookies, key)
        if path is None:
            continue
        try:
            found.append(_read(path))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            problems.append(
                f"cookies.{key}: {path}: {reason}; "
                "it holds 32 hexadecimal digits, as `openssl rand -hex 16` prints them"
            )
    if problems:
        raise ConfigError(tuple(problems))
    if cookies.secret_file is None:
        found.insert(0, _own(state / "cookie.secret", random_bytes))
    return tuple(found)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        text = file.read(_MAX_FILE).decode("ascii", "replace").strip()
        readable = os.fstat(file.fileno()).st_mode & 0o004
    if not re.fullmatch(r"[0-9a-fA-F]{32}", text):
        raise ValueError("no secret")
    if readable:
        logger.warning("cookies: everybody on this machine may read %s; chmod o-r it", path)
    return bytes.fromhex(text)


def _own(path: Path, random_bytes: Callable[[int], bytes]) -> bytes:
    """Return the node's own secret; make it anew where it is missing or damaged."""
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        logger.warning("cookies: %s cannot be used: %s; a new secret is made", path, error)
    secret = random_bytes(SECRET_BYTES)
    fresh = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            fresh.unlink()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(fresh, flags, 0o600), "wb") as file:
            file.write(secret.hex().encode() + b"\n")
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        logger.warning(
            "cookies: cannot write %s: %s; clients learn new cookies after a restart", path, error
        )
    return secret
