"""Whoever asks for help is told what a command is for, what each argument is, and sees it done."""

import argparse

import pytest

from filterd.cli.main import build_parser


def commands(parser, words=()):
    """Every command that can be run, with its words."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield (*words, name), below
                yield from commands(below, (*words, name))


COMMANDS = dict(commands(build_parser()))


def test_the_ministry_s_commands_are_among_them():
    assert {("hub", "people", "add"), ("authority", "renew"), ("order", "confirm")} < set(COMMANDS)
    assert {("feed", "snapshot"), ("report",), ("rule", "block")} < set(COMMANDS)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_says_what_it_is_for_and_shows_an_example(words):
    parser = COMMANDS[words]
    assert parser.description[0].isupper()
    assert parser.description.endswith(".")
    told = parser.format_help()
    if words != ("completion",):
        assert f"  filterd {' '.join(words)}" in told.partition("examples:")[2]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_argument_is_explained(words):
    arguments = COMMANDS[words]._actions
    missing = [each.option_strings or each.metavar for each in arguments if not each.help]
    assert [each for each in missing if each != "COMMAND"] == []
