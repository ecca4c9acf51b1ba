"""Writes filterd(1) from the command line's own help: `manual.py CODE VERSION > filterd.1`.

CODE: the folder with the package `filterd` that is described.
"""

import argparse
import os
import sys


def _escaped(text: str) -> str:
    lines = (line.replace("\\", "\\\\").replace("-", "\\-") for line in text.split("\n"))
    return "\n".join(f"\\&{line}" if line[:1] in {".", "'"} else line for line in lines)


def _commands(
    parser: argparse.ArgumentParser, words: tuple[str, ...]
) -> list[tuple[str, argparse.ArgumentParser]]:
    found = [(" ".join(words), parser)]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                found += _commands(below, (*words, name))
    return found


def manual(parser: argparse.ArgumentParser, version: str) -> str:
    """Return the page: one section for each command, its help as it is printed."""
    parts = [f'.TH FILTERD 1 "" "filterd {version}" "User Commands"']
    parts.append(".SH NAME\nfilterd \\- " + _escaped(str(parser.description)))
    for words, each in _commands(parser, ("filterd",)):
        title = words.upper() if words != "filterd" else "SYNOPSIS"
        parts.append(f'.SH "{_escaped(title)}"\n.nf\n{_escaped(each.format_help().rstrip())}\n.fi')
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    os.environ["COLUMNS"] = "90"
    from filterd.cli.main import build_parser

    sys.stdout.write(manual(build_parser(), sys.argv[2]))
