"""A ministry for tests: two officers, an authority, a log; all keys made on the spot."""

from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from filterd.feed.follow import LogKey
from filterd.feed.keys import public_key
from filterd.feed.publish import Log
from filterd.feed.warrant import Breadth, sign_act
from filterd.model.order import (
    Authority,
    Effect,
    Mandate,
    Match,
    Order,
    Pattern,
    Registry,
    SignedAct,
    Sunset,
)

NOW = 1_770_000_000
DAY = 86_400
ORIGIN = "log.ministry.example/filterd"
ANYTHING = Breadth(
    public_suffix=lambda name: "." not in name,
    protected=lambda name: name in {"hotline.example", "example"},
    popular=lambda name: name == "search.example",
)


def signer():
    return CryptoSigner(Ed25519PrivateKey.generate())


@dataclass
class Ministry:
    officers: list
    authority: Authority
    log_signer: CryptoSigner

    @classmethod
    def new(cls, **changed):
        officers = [signer() for _ in range(3)]
        authority = Authority(
            id="ministry",
            name="Ministry",
            officers=tuple(public_key(each) for each in officers),
            threshold=2,
            mandate=Mandate(
                legal_bases=frozenset({"decree-1"}),
                categories=frozenset({"gambling"}),
                effects=frozenset({Effect.BLOCK}),
            ),
            not_after=NOW + 90 * DAY,
        )
        return cls(officers, replace(authority, **changed), signer())

    @property
    def registry(self):
        return Registry(1, (self.authority,))

    @property
    def log_key(self):
        return LogKey(ORIGIN, public_key(self.log_signer))

    def log(self, folder):
        return Log.open(folder, self.log_key, self.log_signer, "canary.example")

    def sign(self, act, officers=(0, 1), at=NOW):
        made = (sign_act(self.officers[each], act, at) for each in officers)
        return SignedAct(act, tuple(made))


def order(*names, **changed):
    made = Order(
        id="2026-1",
        authority="ministry",
        reference="17/QD",
        legal_basis="decree-1",
        category="gambling",
        effect=Effect.BLOCK,
        patterns=tuple(Pattern(Match.SUBTREE, name) for name in names or ("bet.example",)),
        not_before=NOW,
        not_after=NOW + 30 * DAY,
        sunset=Sunset.THREAT,
    )
    return replace(made, **changed)
