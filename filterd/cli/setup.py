"""`filterd setup`: what a box needs, from one short dialogue or from a file of answers."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from filterd.cli.base import Command, Exit, complain, paint
from filterd.cli.setup_account import hidden, set_password, wanted_password
from filterd.cli.setup_files import choose, must_agree, try_configuration, write_all
from filterd.cli.setup_running import ran
from filterd.cli.setup_units import http_is_there, put_in_force
from filterd.config.setup import SetupConfig, load_answers, read_answers
from filterd.model.errors import FilterdError
from filterd.setup.account import ACCOUNT
from filterd.setup.asking import NoAnswer, Person, dialogue
from filterd.setup.files import ANSWERS, CONFIG, files
from filterd.setup.links import Link, read_default, read_links
from filterd.setup.words import QUESTIONS, SAID
from filterd.setup.writing import compare

EXAMPLES = """\
  filterd setup                            a dialogue, then everything is in place
  filterd setup --lang en --check          show what would be written, write nothing
  filterd setup --answers school.yaml      no questions: for many boxes alike
"""
_ABOUT = """\
Set up this machine as root: configuration, Unbound beside it, forwarding, services.

Nothing of filterd can be steered over the network. Root may change everything; the account
filterd-admin, if you give it a password, does daily work: permissions, rules, looking.
"""
IP_SECONDS = 10


class NotInstalled(FilterdError):
    """A package is not there that the answers need."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = _ABOUT.strip()
    parser.add_argument("--answers", metavar="FILE", help="take the answers from this YAML file")
    parser.add_argument("--lang", choices=("vi", "en"), help="language (default: that of $LANG)")
    parser.add_argument(
        "--check", action="store_true", help="show what would be written; exit 1 if anything would"
    )
    parser.add_argument(
        "--replace", action="store_true", help="replace files changed by hand, keeping them as .bak"
    )
    parser.add_argument(
        "--root", metavar="FOLDER", default="/", help="write below FOLDER and start nothing"
    )


def run(args: argparse.Namespace) -> int:
    """Do it."""
    root = Path(args.root)
    language = args.lang or _language()
    try:
        answers, person = _answers(args, root, language)
        live = root == Path("/")
        password = wanted_password(answers, person) if live else None
    except EOFError:
        raise NoAnswer(QUESTIONS[language]["nobody"]) from None
    said = SAID[args.lang or answers.language]
    if live and answers.http and not http_is_there():
        raise NotInstalled(QUESTIONS[args.lang or answers.language]["http_missing"])
    changes = [each for each in compare(files(answers), root) if each.what != "same"]
    try_configuration(changes)
    taken, left = choose(args, person, changes, said)
    must_agree(answers, taken, left, said)
    if not changes:
        print(said["same"])
    if args.check:
        if password is not None:
            print(paint(said["account_check"].format(account=ACCOUNT), "bold"))
        print(said["check"])
        return Exit.PROBLEM if changes or password is not None else Exit.OK
    written = write_all(taken, said)
    worked = put_in_force(answers, said, written, live=live)
    if password is not None:
        worked = set_password(password, said) and worked
    if answers.admin_password is not None and not live:
        print(said["account_there"].format(account=ACCOUNT))
    _say_next(answers, said)
    return Exit.OK if worked and not left else Exit.PROBLEM


def _answers(
    args: argparse.Namespace, root: Path, language: str
) -> tuple[SetupConfig, Person | None]:
    if args.answers:
        return load_answers(Path(args.answers)), None
    if not sys.stdin.isatty():
        raise EOFError
    known = root / ANSWERS
    before = load_answers(known) if known.is_file() else None
    person = Person(input, print, language, hidden)
    links, default = _machine(person.words)
    http = root != Path("/") or http_is_there()
    return read_answers(dialogue(person, links, default, before, http=http)), person


def _language() -> str:
    """Return the language of the environment; Vietnamese where it says nothing."""
    keys = ("LC_ALL", "LC_MESSAGES", "LANG")
    said = next((os.environ[key] for key in keys if os.environ.get(key)), "")
    return "en" if said[:2] == "en" else "vi"


def _machine(words: Mapping[str, str]) -> tuple[tuple[Link, ...], tuple[str, ...]]:
    """Return interfaces and those of the default routes; none, which is told, where `ip` does not
    say.
    """
    said = []
    route = ("route", "show", "default")
    for what in (("address",), ("-4", *route), ("-6", *route)):
        text, why = ran(("ip", "-j", *what), IP_SECONDS)
        if why is not None and "-6" not in what:  # a kernel without IPv6 has no such route
            complain(words["no_links"].format(why=why))
            return (), ()
        said.append(text)
    try:
        ways = (*read_default(said[1]), *read_default(said[2]))
        return read_links(said[0]), tuple(dict.fromkeys(ways))
    except (ValueError, KeyError) as error:
        complain(words["no_links"].format(why=error))
        return (), ()


def _say_next(answers: SetupConfig, said: Mapping[str, str]) -> None:
    address = answers.addresses[0].partition("/")[0]
    print(paint(said["next"], "bold"))
    for key in ("dnsmasq" if answers.dhcp else "dhcp", "test", "why", "lists", "backup"):
        line = said[key].format(address=address, group=answers.groups[0], config=f"/{CONFIG}")
        print(line)


COMMAND = Command("setup", EXAMPLES, arguments, run)
