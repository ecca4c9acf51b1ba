"""`filterd completion`: completion for bash, zsh and fish, made from the parser itself."""

import argparse
import shlex
from collections.abc import Callable, Mapping

from filterd.cli.base import Command, Exit

EXAMPLES = """\
  filterd completion > /etc/bash_completion.d/filterd
  source <(filterd completion)
  filterd completion zsh > /usr/local/share/zsh/site-functions/_filterd
  filterd completion fish > ~/.config/fish/completions/filterd.fish
"""
_Parsers = Mapping[str, argparse.ArgumentParser]  # by their words: "", "lists", "lists update"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the shell."""
    parser.add_argument(
        "shell", nargs="?", choices=tuple(SHELLS), default="bash", help="for which shell (bash)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    print(SHELLS[args.shell](_parsers(args.parser)))
    return Exit.OK


def bash(parsers: _Parsers) -> str:
    """Return a completion script for bash."""
    cases = "\n".join(
        f'        "{path}") words="{" ".join([*_children(each), *_options(each)])}" ;;'
        for path, each in parsers.items()
    )
    return f"""\
_filterd() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} path="" words="" i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "${{path:+$path }}${{COMP_WORDS[i]}}" in
            {_known(parsers)}) path="${{path:+$path }}${{COMP_WORDS[i]}}" ;;
        esac
    done
    case "$path" in
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    if [[ $current != -* && ${{#COMPREPLY[@]}} -eq 0 ]]; then
        COMPREPLY=($(compgen -f -- "$current"))
    fi
}}
complete -o filenames -F _filterd filterd"""


def zsh(parsers: _Parsers) -> str:
    """Return a completion function for zsh, for a folder of its `fpath`."""
    cases = "\n".join(
        f'        "{path}") commands=({_described(each)}) options=({" ".join(_options(each))}) ;;'
        for path, each in parsers.items()
    )
    return f"""\
#compdef filterd
_filterd() {{
    local at="" i
    local -a commands options
    for ((i = 2; i < CURRENT; i++)); do
        case "${{at:+$at }}${{words[i]}}" in
            {_known(parsers)}) at="${{at:+$at }}${{words[i]}}" ;;
        esac
    done
    case "$at" in
{cases}
    esac
    if [[ ${{words[CURRENT]}} == -* ]]; then
        compadd -a options
    elif (( $#commands )); then
        _describe command commands
    else
        _files
    fi
}}
_filterd "$@\""""


def fish(parsers: _Parsers) -> str:
    """Return completions for fish."""
    known = " ".join(shlex.quote(path) for path in parsers if path)
    lines = [
        "function __filterd_at",
        "    set -l at",
        "    for word in (commandline -opc)[2..]",
        '        set -l next (string trim -- "$at $word")',
        f'        contains -- "$next" {known}; and set at "$next"',
        "    end",
        '    test "$at" = "$argv[1]"',
        "end",
    ]
    for path, each in parsers.items():
        here = f"complete -c filterd -n '__filterd_at \"{path}\"'"
        for name, summary in _summaries(each).items():
            lines.append(f"{here} -f -a {name} -d {_fish(summary)}")
        lines += [f"{here} -l {option.removeprefix('--')}" for option in _options(each)]
    return "\n".join(lines)


SHELLS: Mapping[str, Callable[[_Parsers], str]] = {"bash": bash, "zsh": zsh, "fish": fish}


def _parsers(
    parser: argparse.ArgumentParser, path: tuple[str, ...] = ()
) -> dict[str, argparse.ArgumentParser]:
    found = {" ".join(path): parser}
    for name, below in _children(parser).items():
        found |= _parsers(below, (*path, name))
    return found


def _known(parsers: _Parsers) -> str:
    return "|".join(f'"{path}"' for path in parsers if path)


def _described(parser: argparse.ArgumentParser) -> str:
    escaped = (
        f"{name}:{summary.replace(':', chr(92) + ':')}"
        for name, summary in _summaries(parser).items()
    )
    return " ".join(map(shlex.quote, escaped))


def _fish(text: str) -> str:
    """Return `text` quoted for fish, whose single quotes know a backslash."""
    return "'" + text.replace("\\", r"\\").replace("'", r"\'") + "'"


def _children(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:  # noqa: SLF001 - argparse offers no other way to look
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            found.update(action.choices)
    return found


def _summaries(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Return each subcommand's line of the help."""
    found: dict[str, str] = {}
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            found |= {each.dest: each.help or "" for each in action._choices_actions}  # noqa: SLF001
    return {name: found.get(name, "") for name in _children(parser)}


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [
        option
        for action in parser._actions  # noqa: SLF001
        for option in action.option_strings
        if option.startswith("--")
    ]


COMMAND = Command("completion", EXAMPLES, arguments, run)
