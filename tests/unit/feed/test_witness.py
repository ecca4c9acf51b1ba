import hashlib
from dataclasses import replace

import pytest

from filterd.feed.checkpoint import PATH as CHECKPOINT
from filterd.feed.checkpoint import split_note
from filterd.feed.follow import read_checkpoint
from filterd.feed.keys import public_key
from filterd.feed.policy import Policy, policy_json, read_policy
from filterd.feed.refusal import Fault, Refused
from filterd.feed.stored import read_stored
from filterd.feed.witness import Witness, add_cosignatures, cosign, cosigned_at
from tests.support.ministry import NOW, Ministry, order, signer

NAMES = ("one.example/w", "two.example/w")


class World:
    def __init__(self, folder):
        self.ministry = Ministry.new()
        self.log = self.ministry.log(folder)
        self.log.append([self.ministry.sign(order())], NOW, "c0")
        self.signers = [signer(), signer()]
        self.witnesses = tuple(
            Witness(name, public_key(each)) for name, each in zip(NAMES, self.signers, strict=True)
        )

    @property
    def note(self):
        return (self.log.folder / CHECKPOINT).read_bytes()

    def key(self, least):
        return replace(self.ministry.log_key, witnesses=self.witnesses, cosigned=least)

    def cosigned(self, *which, note=None):
        note = note or self.note
        for at in which:
            note = cosign(note, NAMES[at], self.signers[at], NOW + 1)
        return note

    def is_taken(self, note, least):
        try:
            read_checkpoint(note, self.key(least))
        except Refused as refused:
            if refused.fault is not Fault.UNWITNESSED:
                raise
            return False
        return True


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_checkpoint_counts_with_as_many_witnesses_as_the_policy_wants(world):
    taken = [world.is_taken(world.cosigned(*which), 2) for which in ((), (0,), (1, 1), (0, 1))]
    assert taken == [False, False, False, True]
    assert world.is_taken(world.note, 0)
    assert world.is_taken(world.cosigned(1), 1)


def test_nobody_cosigns_in_anothers_name(world):
    forged = cosign(world.note, NAMES[0], world.signers[1], NOW)
    assert not world.is_taken(forged, 1)
    assert world.is_taken(world.cosigned(0, note=forged), 1), "and it stands in nobody's way"


def test_a_cosignature_is_of_one_checkpoint_and_one_time(world):
    before = world.cosigned(0, 1)
    world.log.renew(NOW + 60)
    text, _ = split_note(world.note)
    lines = before.decode().rpartition("\n\n")[2]
    own = world.note.decode().rpartition("\n\n")[2]
    moved = f"{text}\n{own}{lines}".encode()
    assert not world.is_taken(moved, 1), "signatures of the checkpoint before"


def test_a_later_cosignature_takes_the_place_of_the_first(world):
    once = cosign(world.note, NAMES[0], world.signers[0], NOW)
    again = cosign(once, NAMES[0], world.signers[0], NOW + 5)
    assert len(split_note(again)[1]) == 2
    assert cosigned_at(again, world.witnesses[0]) == NOW + 5


def test_it_is_written_as_c2sp_has_it(world):
    (_, (name, hint, raw)) = split_note(world.cosigned(0))[1]
    public = bytes.fromhex(world.witnesses[0].key.public)
    assert name == NAMES[0]
    assert hint == hashlib.sha256(name.encode() + b"\n\x04" + public).digest()[:4]
    assert (int.from_bytes(raw[:8], "big"), len(raw)) == (NOW + 1, 8 + 64)
    text = split_note(world.note)[0]
    world.signers[0]._private_key.public_key().verify(
        raw[8:], f"cosignature/v1\ntime {NOW + 1}\n{text}".encode()
    )


def test_the_keeper_gathers_what_witnesses_signed_elsewhere(world):
    gathered = world.note
    for which in (0, 1):
        gathered = add_cosignatures(gathered, world.cosigned(which), world.witnesses)
    assert world.is_taken(gathered, 2)
    assert add_cosignatures(gathered, world.cosigned(1), world.witnesses) == gathered
    stranger = cosign(world.note, "other.example/w", signer(), NOW)
    assert add_cosignatures(world.note, stranger, world.witnesses) == world.note
    old = world.cosigned(0)
    world.log.renew(NOW + 60)
    with pytest.raises(Refused) as refused:
        add_cosignatures(world.note, old, world.witnesses)
    assert refused.value.fault is Fault.MIXED


def test_the_log_itself_goes_on_without_its_witnesses(world):
    assert read_stored(world.log.folder, world.key(2)).position == world.log.position


def test_a_policy_is_read_back_with_its_witnesses(world):
    policy = Policy(1, world.key(2), "canary.example")
    value = policy_json(policy)
    assert read_policy(value) == policy
    for log in ({"cosigned": 3}, {"cosigned": -1}, {"witnesses": [["a"]]}, {"key": ["a"]}):
        with pytest.raises(Refused):
            read_policy({**value, "log": {**value["log"], **log}})
    twice = [*value["log"]["witnesses"][:1], *value["log"]["witnesses"][:1]]
    with pytest.raises(Refused):
        read_policy({**value, "log": {**value["log"], "witnesses": twice}})
