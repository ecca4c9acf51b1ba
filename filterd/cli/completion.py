"""`filterd completion`: completion for bash, made from the parser itself."""

import argparse

from filterd.cli.base import Command, Exit

EXAMPLES = """\
  filterd completion > /etc/bash_completion.d/filterd
  source <(filterd completion)
"""


def arguments(_parser: argparse.ArgumentParser) -> None:
    """There are no options."""


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    print(script(args.parser))
    return Exit.OK


def script(parser: argparse.ArgumentParser) -> str:
    """Return a bash completion script for `parser`."""
    words: dict[str, list[str]] = {"": _words(parser)}
    for name, sub in _children(parser).items():
        words[name] = _words(sub)
        for inner, subsub in _children(sub).items():
            words[f"{name} {inner}"] = _words(subsub)
    cases = "\n".join(
        f'        "{path}") words="{" ".join(found)}" ;;' for path, found in words.items()
    )
    known = "|".join(f'"{path}"' for path in words if path)
    return f"""\
_filterd() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} path="" words="" i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "${{path:+$path }}${{COMP_WORDS[i]}}" in
            {known}) path="${{path:+$path }}${{COMP_WORDS[i]}}" ;;
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


def _children(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:  # noqa: SLF001 - argparse offers no other way to look
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            found.update(action.choices)
    return found


def _words(parser: argparse.ArgumentParser) -> list[str]:
    words = list(_children(parser))
    for action in parser._actions:  # noqa: SLF001
        words += [option for option in action.option_strings if option.startswith("--")]
    return words


COMMAND = Command("completion", "print completion for bash", EXAMPLES, arguments, run)
