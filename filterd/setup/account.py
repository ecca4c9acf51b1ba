"""An account for daily work, where a password was given for it: it may ask of the daemon what root
may, and is nobody else on the machine.

Pure: what is to be run, and what is given to it on its input. A password stands on no command line.
"""

from dataclasses import dataclass, field

ACCOUNT, GROUP = "filterd-admin", "filterd"
REAL_NAME = "daily work of filterd"  # by it a purge knows the account that setup has made
LEAST, MOST = 12, 512  # characters of a password


@dataclass(frozen=True, slots=True)
class Password:
    """As it was typed, or `hashed` as crypt(5) writes it. Its text is never shown."""

    text: str = field(repr=False)
    hashed: bool = False


def read_password(given: str) -> Password:
    """Return a password that somebody typed.

    Raises:
        ValueError: it is too short, or no login could ask for it; the text does not repeat it.
    """
    if not LEAST <= len(given) <= MOST:
        raise ValueError(f"{LEAST} … {MOST}")
    if not given.isprintable():
        raise ValueError("\\t \\x1b …")
    return Password(given)


def commands(password: Password, *, there: bool) -> list[tuple[tuple[str, ...], str]]:
    """Return commands, each with its input. `there`: the account exists."""
    made: tuple[str, ...] = ("usermod", "--append", "--groups", GROUP, ACCOUNT)
    if not there:
        made = ("useradd", "--create-home", "--shell", "/bin/bash", "--groups", GROUP)
        # It needs no numbers of others for containers.
        made = (*made, "--key", "SUB_UID_COUNT=0", "--key", "SUB_GID_COUNT=0")
        made = (*made, "--comment", REAL_NAME, ACCOUNT)
    how = ("--encrypted",) if password.hashed else ()
    return [(made, ""), (("chpasswd", *how), f"{ACCOUNT}:{password.text}\n")]


def hash_in(shadow: str) -> str | None:
    """Return the hash of the account's password in the text of /etc/shadow; None: it has none."""
    for line in shadow.splitlines():
        name, _, rest = line.partition(":")
        if name == ACCOUNT:
            return rest.partition(":")[0]
    return None
