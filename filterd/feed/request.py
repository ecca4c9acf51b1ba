"""Signed requests: who sent this to the hub, without a session, a cookie or a client certificate.

HTTP message signatures (RFC 9421) with one fixed set of components and Ed25519, over a digest of
the content (RFC 9530). A relay or a TLS proxy may carry them; whoever changes a byte is found out.
What is replayed within `WINDOW` is harmless: everything that nodes send has an id. Sans-io.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from securesystemslib.signer import Signer

from filterd.feed.keys import sign, verifies
from filterd.feed.refusal import Fault, Refused
from filterd.model.order import PublicKey, Signature

WINDOW = 300  # seconds that the sender's clock may be off
LABEL = "filterd"
_COMPONENTS = '("@method" "@path" "content-digest")'
_INPUT = re.compile(
    r'filterd=\("@method" "@path" "content-digest"\)'
    r';created=(?P<created>[0-9]{1,12});keyid="(?P<key>[0-9a-f]{64})";alg="ed25519"'
)
_SIGNATURE = re.compile(r"filterd=:(?P<value>[A-Za-z0-9+/]{86}==):")


@dataclass(frozen=True, slots=True)
class Request:
    """One as it came: `path` without its query, `headers` with lower-case names."""

    method: str
    path: str
    content: bytes
    headers: Mapping[str, str]


def signed_headers(
    method: str, path: str, content: bytes, signer: Signer, at: int
) -> dict[str, str]:
    """Return the headers that sign a request for `path` (without a query) at unix time `at`."""
    key = signer.public_key.keyid
    parameters = f'{_COMPONENTS};created={at};keyid="{key}";alg="ed25519"'
    content_digest = _digest(content)
    made = sign(signer, _base(method, path, content_digest, parameters))
    value = base64.b64encode(bytes.fromhex(made.value)).decode()
    return {
        "Content-Digest": content_digest,
        "Signature-Input": f"{LABEL}={parameters}",
        "Signature": f"{LABEL}=:{value}:",
    }


def sender_of(request: Request) -> str:
    """Return the id of the key that a request says it is signed with.

    Raises:
        Refused: MALFORMED.
    """
    return _matched(_INPUT, request.headers, "signature-input")["key"]


def check_request(request: Request, key: PublicKey, now: int) -> int:
    """Return the seconds that the sender's clock is ahead of ours (negative: behind).

    Raises:
        Refused: MALFORMED, TAMPERED (another content), UNSIGNED (not by this key), or MIXED (made
            more than `WINDOW` seconds ago, or in the future).
    """
    headers = request.headers
    said = _matched(_INPUT, headers, "signature-input")
    value = _matched(_SIGNATURE, headers, "signature")["value"]
    content_digest = _digest(request.content)
    if headers.get("content-digest") != content_digest:
        raise Refused(Fault.TAMPERED, "the content is not the one of content-digest")
    parameters = headers["signature-input"].removeprefix(f"{LABEL}=")
    signature = Signature(said["key"], base64.b64decode(value).hex())
    if not verifies(
        key, signature, _base(request.method, request.path, content_digest, parameters)
    ):
        raise Refused(Fault.UNSIGNED, "not signed with the key of this node")
    ahead = int(said["created"]) - now
    if abs(ahead) > WINDOW:
        raise Refused(Fault.MIXED, f"signed {ahead:+d} s from now; look at the clock first")
    return ahead


def _digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def _base(method: str, path: str, content_digest: str, parameters: str) -> bytes:
    """Return the signature base (RFC 9421 section 2.5)."""
    return (
        f'"@method": {method}\n"@path": {path}\n"content-digest": {content_digest}\n'
        f'"@signature-params": {parameters}'
    ).encode()


def _matched(shape: re.Pattern[str], headers: Mapping[str, str], name: str) -> re.Match[str]:
    found = shape.fullmatch(headers.get(name, ""))
    if found is None:
        raise Refused(Fault.MALFORMED, f"{name} is missing or not as filterd writes it")
    return found
