"""Going on to a page that is warned of: a cookie of ours that says so for a while.

A cookie, so that every worker knows and none keeps a list of who opened what. It is signed for one
client and one host, `HttpOnly`, and taken out of what goes to the site (`without_ours`).
"""

import re

from filterd.http.page.signed import Signer

COOKIE = "filterd-continue"
PURPOSE = "going"
_BACK = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]{0,1500}")


def cookie(word: str, minutes: int, *, tls: bool) -> str:
    """Return the value of Set-Cookie for a word of `word`."""
    secure = "; Secure" if tls else ""
    return f"{COOKIE}={word}; Path=/; Max-Age={60 * minutes}; HttpOnly; SameSite=Lax{secure}"


def word(signer: Signer, client: str, host: str, until: int) -> str:
    """Return the word that lets one client go on to one host before `until`."""
    return signer.sign(PURPOSE, client, until, {"host": host})


def may(signer: Signer, client: str, host: str, header: str, now: float) -> bool:
    """Return whether a Cookie header lets this client go on to `host`."""
    for each in header.split(";"):
        name, _, given = each.strip().partition("=")
        if name == COOKIE:
            said = signer.read(PURPOSE, client, given, now).facts
            if said is not None and said.get("host") == host:
                return True
    return False


def without_ours(header: str) -> str:
    """Return a Cookie header without our cookie; "" where nothing is left of it."""
    if COOKIE not in header:
        return header
    kept = (each.strip() for each in header.split(";"))
    return "; ".join(each for each in kept if each.partition("=")[0] != COOKIE)


def back(path: str) -> str:
    """Return where to go on to: the path that was asked for, "/" where it is not a plain one.

    Only a path, so that nobody is led to another site (RFC 3986, 4.2: `//` would be one).
    """
    return path if _BACK.fullmatch(path) and not path.startswith("//") else "/"
