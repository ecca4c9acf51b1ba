"""`filterd setup`: the account for daily work, with its password."""

import getpass
import pwd
import warnings
from collections.abc import Mapping
from pathlib import Path

from filterd.cli.base import complain, paint
from filterd.cli.setup_running import ran
from filterd.config.setup import SetupConfig
from filterd.setup.account import ACCOUNT, Password, commands, hash_in
from filterd.setup.asking import Person, ask_password

SHADOW = Path("/etc/shadow")
_SECONDS = 30
_PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def hidden(text: str) -> str:
    """Ask on the terminal without showing what is typed. EOFError: it cannot be hidden."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(text)
    except getpass.GetPassWarning as error:
        raise EOFError from error


def is_there() -> bool:
    """Whether this machine has the account."""
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        return False
    return True


def wanted_password(answers: SetupConfig, person: Person | None) -> Password | None:
    """Return the password to be set, by the answers or by whoever is asked; None: leave it.

    Raises:
        NoAnswer: nothing is to be written.
    """
    if person is not None:
        return ask_password(person, there=is_there())
    if answers.admin_password is None:
        return None
    known = hash_in(SHADOW.read_text(encoding="utf-8")) if is_there() else None
    return None if known == answers.admin_password else Password(answers.admin_password, True)


def set_password(password: Password, said: Mapping[str, str]) -> bool:
    """Make the account if it is not there, and set its password. Returns whether that worked."""
    for words, given in commands(password, there=is_there()):
        _, why = ran(words, _SECONDS, given=given, env=_PATH)  # the password is on no command line
        if why is not None:
            complain(said["failed"].format(words=words[0], why=why))
            return False
    print(paint(said["account"].format(account=ACCOUNT), "bold"))
    return True
