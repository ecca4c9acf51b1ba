"""The dialogue: one question after the other, each with what is likely as its default.

An answer is read as the configuration reads it; one that cannot be used is asked again.
"""

import ipaddress
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from filterd.config.addresses import read_upstream
from filterd.config.gateway import read_interface
from filterd.config.setup import GROUPS, STAFF, SetupConfig, read_interface_address
from filterd.config.types import read_network
from filterd.model.errors import FilterdError
from filterd.setup.account import ACCOUNT, LEAST, Password, read_password
from filterd.setup.links import Link, suggested
from filterd.setup.words import GROUP_NAMES, LEVELS, QUESTIONS

TRIES = 5
Answer = TypeVar("Answer")


class NoAnswer(FilterdError):
    """Nobody is there, or no answer could be used."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who is asked. `ask` prints its text, and returns a line or raises EOFError; `hide` does so
    without showing what is typed.
    """

    ask: Callable[[str], str]
    say: Callable[[str], None]
    language: str
    hide: Callable[[str], str]

    @property
    def words(self) -> Mapping[str, str]:
        """The words of this person's language."""
        return QUESTIONS[self.language]

    def question(self, text: str, default: str, read: Callable[[str], Answer]) -> Answer:
        """Ask until the answer can be read; an empty one is the default.

        Raises:
            NoAnswer: nobody answers, or not usably.
        """
        shown = f" [{default}]" if default else ""
        for _ in range(TRIES):
            try:
                given = self.ask(f"{text}{shown}: ").strip()
            except EOFError:
                break
            try:
                return read(given or default)
            except ValueError as error:
                self.say(self.words["again"].format(why=error))
        raise NoAnswer(self.words["nobody"])

    def agrees(self, text: str, *, default: bool, but: str = "") -> bool:
        """Ask a question with yes or no. `but`: what stands against yes."""
        yes, no = self.words["yes"], self.words["no"]

        def read(given: str) -> bool:
            first = given[:1].lower()
            if first not in {yes, no, "y", "n"}:
                raise ValueError(f"{yes} / {no}")
            if first in {yes, "y"} and but:
                raise ValueError(but)
            return first in {yes, "y"}

        return self.question(f"{text}? ({yes}/{no})", yes if default else no, read)


def ask_password(person: Person, *, there: bool) -> Password | None:
    """Ask twice for the password of the account for daily work; None: it is not wanted. `there`:
    the machine has the account.

    Raises:
        NoAnswer: nobody answers, or not usably.
    """
    words = person.words
    nothing = words["as_it_is" if there else "no_account"]
    for _ in range(TRIES):
        try:
            given = person.hide(words["password"].format(account=ACCOUNT, nothing=nothing) + ": ")
            if not given:
                return None
            password = read_password(given)
            if person.hide(words["once_more"] + ": ") == given:
                return password
        except EOFError:
            break
        except ValueError:
            person.say(words["again"].format(why=words["short"].format(least=LEAST)))
        else:
            person.say(words["again"].format(why=words["differ"]))
    raise NoAnswer(words["nobody"])


def dialogue(
    person: Person,
    links: tuple[Link, ...],
    default: tuple[str, ...],
    before: SetupConfig | None,
    *,
    http: bool = True,
) -> dict[str, Any]:
    """Return answers as a mapping for `SetupConfig`. `default`: interfaces of the default route;
    `before`: what was answered the last time; `http`: the HTTP filter's package is installed.

    Raises:
        NoAnswer: nothing is to be written.
    """
    words, was = person.words, before
    person.say(words["links"])
    for each in links:
        state = "up" if each.up else "down"
        person.say(
            words["link"].format(name=each.name, state=state, addresses=", ".join(each.addresses))
        )
    lan, uplink = suggested(links, default)
    found: dict[str, Any] = {"language": person.language}
    gateway = person.agrees(words["gateway"], default=was.gateway if was else len(links) > 1)
    found["gateway"] = gateway
    is_link, is_own = _there(links)
    if gateway:
        offered = was.lan if was else lan
        found["lan"] = _checked(person, words["lan"], offered, read_interface, is_link)
        offered = was.uplink if was else uplink
        offered = tuple(each for each in offered if each not in found["lan"])
        read = _another(person, found["lan"])
        found["uplink"] = _checked(person, words["uplink"], offered, read, is_link)
    near = [each for each in links if each.name in found.get("lan", (*lan, *uplink))]
    offered = was.addresses if was else tuple(one for each in near for one in each.addresses)
    found["addresses"] = _checked(
        person, words["addresses"], offered, read_interface_address, is_own
    )
    found["levels"] = _levels(person, was.levels if was else ("primary",))
    found["networks"] = _networks(person, found["levels"], was)
    servers = tuple(map(str, was.upstream)) if was else ()
    found["upstream"] = _several(person, words["upstream"], servers, _server, least=0)
    if gateway:
        found["masquerade"] = person.agrees(
            words["masquerade"], default=was.masquerade if was else True
        )
    found["dhcp"] = person.agrees(words["dhcp"], default=was.dhcp if was else False)
    found["http"] = person.agrees(
        words["http"],
        default=was.http and http if was else False,
        but="" if http else words["http_missing"],
    )
    if was and was.strict and gateway:
        known = (*_groups(found["levels"]), STAFF)  # another level has others
        found["strict"] = tuple(each for each in was.strict if each in known)
    return found


def _groups(levels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for level, names in GROUPS.items() if level in levels for name in names)


def _networks(
    person: Person, levels: tuple[str, ...], was: SetupConfig | None
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for group in (*_groups(levels), STAFF):
        word = person.words["staff" if group == STAFF else "network"]
        name = GROUP_NAMES[person.language].get(group, group)
        known = was.networks.get(group, ()) if was else ()
        if networks := _several(person, word, known, read_network, least=0, group=name):
            found[group] = networks
    return found


def _several(
    person: Person,
    text: str,
    default: tuple[str, ...],
    read: Callable[[str], str],
    *,
    least: int = 1,
    **about: str,
) -> tuple[str, ...]:
    """Ask for words between commas or spaces; `about`: what `text` names. An empty answer is the
    default, so where there is one `-` says none, and the question tells it.
    """

    def each(given: str) -> tuple[str, ...]:
        words = [] if given == "-" else given.replace(",", " ").split()
        if len(words) < least:
            raise ValueError("…")
        return tuple(dict.fromkeys(read(word) for word in words))

    nothing = "-" if default else person.words["nothing"]
    return person.question(text.format(nothing=nothing, **about), ", ".join(default), each)


def _checked(
    person: Person,
    text: str,
    default: tuple[str, ...],
    read: Callable[[str], str],
    there: Callable[[str], bool],
) -> tuple[str, ...]:
    """Ask for what this machine has; what is not `there` may come later, so it is asked about.

    Raises:
        NoAnswer: nobody answers, or not usably.
    """
    for _ in range(TRIES):
        found = _several(person, text, default, read)
        strange = ", ".join(each for each in found if not there(each))
        if not strange or person.agrees(
            person.words["strange"].format(names=strange), default=False
        ):
            return found
    raise NoAnswer(person.words["nobody"])


def _there(links: tuple[Link, ...]) -> tuple[Callable[[str], bool], Callable[[str], bool]]:
    """Return who says whether an interface is here, and an address. Where nothing is known of this
    machine, everything may be.
    """
    names = {each.name for each in links}
    own = {ipaddress.ip_interface(one).ip for each in links for one in each.addresses}

    def is_link(name: str) -> bool:
        return not links or name in names

    def is_own(address: str) -> bool:
        return not links or ipaddress.ip_interface(address).ip in own

    return is_link, is_own


def _another(person: Person, lan: tuple[str, ...]) -> Callable[[str], str]:
    """Return what reads an interface that is none of `lan`."""

    def read(given: str) -> str:
        name = read_interface(given)
        if name in lan:
            raise ValueError(person.words["both"].format(names=name))
        return name

    return read


def _levels(person: Person, default: tuple[str, ...]) -> tuple[str, ...]:
    """Ask for levels by the names of the person's language, or by their keys."""
    names = LEVELS[person.language]
    shown = ", ".join(names.values())

    def read(given: str) -> tuple[str, ...]:
        plain = _plain(given)
        for key, name in names.items():
            plain = plain.replace(_plain(name), key)
        levels = plain.replace(",", " ").split()
        if not levels or not set(levels) <= GROUPS.keys():
            raise ValueError(shown)
        return tuple(dict.fromkeys(levels))

    offered = ", ".join(names[each] for each in default)
    return person.question(person.words["levels"].format(names=shown), offered, read)


def _plain(text: str) -> str:
    """Return `text` in small letters without the marks that a console may have no keys for."""
    parts = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(each for each in parts if not unicodedata.combining(each))


def _server(given: str) -> str:
    return str(read_upstream(given))
