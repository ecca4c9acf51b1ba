"""Why a line was not taken: the closed set of codes, and the one exception that carries them.

Parsers raise `Refused` inside a format; a reader turns it into a `Refusal`. It never leaves this
package. The code is a metric label, so it comes from `Code` and never from the input.
"""

from enum import StrEnum

from filterd.model.rule import Refusal


class Code(StrEnum):
    """The part of a refusal's reason before the colon."""

    BAD_NAME = "bad-name"  # no domain name, or none that exists in the DNS
    LOCAL_NAME = "local-name"  # a name of the machine itself, as hosts files have them
    TOO_WIDE = "too-wide"  # covers a whole public suffix, or everything
    BAD_ADDRESS = "bad-address"
    BAD_RECORD = "bad-record"  # record data that does not fit its type
    BAD_SYNTAX = "bad-syntax"  # does not read as this format
    BAD_ENCODING = "bad-encoding"
    TOO_LONG = "too-long"
    COSMETIC_RULE = "cosmetic-rule"  # hides page elements: for a browser
    URL_RULE = "url-rule"  # needs the URL: for the HTTP filter
    UNSUPPORTED_MODIFIER = "unsupported-modifier"
    BAD_MODIFIER = "bad-modifier"  # a supported modifier with a value that makes no sense
    UNSUPPORTED_REGEX = "unsupported-regex"
    UNSUPPORTED_PATTERN = "unsupported-pattern"
    UNSUPPORTED_TRIGGER = "unsupported-trigger"  # RPZ rpz-nsip, rpz-nsdname
    UNSUPPORTED_ACTION = "unsupported-action"
    FORWARDING_RULE = "forwarding-rule"  # says where to ask, not what to block
    NOT_A_RULE = "not-a-rule"  # a setting of another program


class Refused(Exception):
    """A line is not taken; the message is `words`."""

    def __init__(self, code: Code, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


def refusal(line: int, text: str, refused: Refused) -> Refusal:
    """Return the refusal of the line numbered `line`."""
    return Refusal(line, text, f"{refused.code}: {refused.words}")
