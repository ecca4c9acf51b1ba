"""What comes out is verified with keys and hashes only, never by asking the hub."""

import base64
import io
import json
import tarfile

import pytest

from filterd.feed.acts import read_signed
from filterd.feed.canonical import read_object
from filterd.feed.follow import read_checkpoint
from filterd.feed.gathering import gathered
from filterd.feed.merkle import is_consistent, is_included, leaf_hash
from filterd.feed.receipt import read_receipt
from filterd.feed.segment import unpack
from filterd.feed.warrant import check_act
from filterd.hub.compliance import Look
from filterd.hub.evidence import EvidenceError, evidence
from filterd.hub.ingest import take_receipts
from filterd.hub.register import reconcile
from tests.support.fleet import NOW, NOW_MS, Member
from tests.support.ministry import ANYTHING, Ministry, order


@pytest.fixture(scope="module")
def ministry():
    return Ministry.new()


@pytest.fixture
def feed(tmp_path, ministry, database):
    """A log of five segments, the third with an order, and one node that is at four."""
    log = ministry.log(tmp_path / "feed")
    roots = []
    for at in range(5):
        acts = [ministry.sign(order(id=f"2026-{at}"))] if at == 2 else []
        roots.append(log.append(acts, NOW + at, f"c{at}").root)
    with database.write() as connection:
        reconcile(connection, tmp_path / "feed")
    return tmp_path / "feed", roots


def pack(database, folder, node, name="2026-2", province=None):
    with database.read() as connection:
        look = Look(connection, NOW_MS + 60_000, province)
        return evidence(look, folder, "ministry", name, node)


def files(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar}


def proof(found, name):
    return [base64.b64decode(each) for each in json.loads(found["proofs.json"])[name]]


def test_everything_in_it_is_proved_by_signatures_alone(database, ministry, feed):
    folder, roots = feed
    member = Member().enrol(database)
    sealed = member.receipt(4, roots[3])
    with database.write() as connection:
        take_receipts(connection, member.id, [sealed], NOW_MS)
    found = files(pack(database, folder, member.id))
    checkpoint = read_checkpoint(found["checkpoint"], ministry.log_key)
    receipt = read_receipt(read_object(found["receipt.json"], 10**6), member.key)
    at = json.loads(found["proofs.json"])["segment"]
    leaf = leaf_hash(found["segment.zst"])
    assert is_included(leaf, at, (receipt.size, receipt.root), proof(found, "inclusion"))
    newest = (checkpoint.size, checkpoint.root)
    assert is_consistent((receipt.size, receipt.root), newest, proof(found, "consistency"))
    signed = read_signed(read_object(found["order.json"], 10**6))
    assert signed in unpack(found["segment.zst"]).acts
    check_act(signed, ministry.registry, ANYTHING, NOW)
    times = json.loads(found["times.json"])
    assert times["T4"] == NOW_MS - 10
    assert times["arrived"] == NOW_MS
    assert json.loads(found["node.json"])["public"] == member.key.public


def test_a_receipt_that_tells_of_it_proves_it(database, feed):
    folder, roots = feed
    member = Member().enrol(database)
    sealed = [member.receipt(size, roots[size - 1], at_ms=NOW_MS + size) for size in (2, 3, 5)]
    with database.write() as connection:
        take_receipts(connection, member.id, gathered(sealed, member.signer), NOW_MS + 900)
    found = files(pack(database, folder, member.id))
    receipt = read_receipt(read_object(found["receipt.json"], 10**6), member.key)
    assert (receipt.size, receipt.root) == (5, roots[4])
    at = json.loads(found["proofs.json"])["segment"]
    leaf = leaf_hash(found["segment.zst"])
    assert is_included(leaf, at, (receipt.size, receipt.root), proof(found, "inclusion"))
    times = json.loads(found["times.json"])
    (told,) = [each for each in receipt.earlier if each.size == 3]
    assert (times["T2"], times["T3"]) == (told.received_at, told.applied_at)
    assert times["T4"] == told.observed_at == NOW_MS + 3 - 10


def test_the_same_books_give_the_same_bytes(database, feed):
    member = Member().enrol(database)
    assert pack(database, feed[0], member.id) == pack(database, feed[0], member.id)


def test_a_node_that_did_not_take_it_has_no_receipt(database, feed):
    folder, roots = feed
    member = Member().enrol(database)
    with database.write() as connection:
        take_receipts(connection, member.id, [member.receipt(2, roots[1])], NOW_MS)
    found = files(pack(database, folder, member.id))
    assert "receipt.json" not in found
    assert "inclusion" not in json.loads(found["proofs.json"])


def test_what_was_held_is_proved_by_the_receipt_that_released_it(database, feed):
    folder, roots = feed
    member = Member().enrol(database)
    words = (
        member.receipt(3, roots[2], held=(2,)),
        member.receipt(4, roots[3], at_ms=NOW_MS + 1000, held=(2,)),
        member.receipt(4, roots[3], at_ms=NOW_MS + 2000),
    )
    for at, sealed in enumerate(words):
        with database.write() as connection:
            take_receipts(connection, member.id, [sealed], NOW_MS + 3000 + at)
        if at < 2:
            found = files(pack(database, folder, member.id))
            assert "receipt.json" not in found
            times = json.loads(found["times.json"])
            assert times["held"] == NOW_MS + 3000
            assert "T4" not in times
    found = files(pack(database, folder, member.id))
    receipt = read_receipt(read_object(found["receipt.json"], 10**6), member.key)
    assert (receipt.size, receipt.held) == (4, ())
    at = json.loads(found["proofs.json"])["segment"]
    leaf = leaf_hash(found["segment.zst"])
    assert is_included(leaf, at, (receipt.size, receipt.root), proof(found, "inclusion"))
    times = json.loads(found["times.json"])
    assert (times["T2"], times["T4"]) == (NOW_MS - 30, NOW_MS + 1990)
    assert (times["held"], times["arrived"]) == (NOW_MS + 3000, NOW_MS + 3002)


def test_what_is_not_there_is_said(database, feed):
    member = Member().enrol(database)
    with pytest.raises(EvidenceError, match="no published order"):
        pack(database, feed[0], member.id, name="none")
    with pytest.raises(EvidenceError, match="no node"):
        pack(database, feed[0], "nobody")
    with pytest.raises(EvidenceError, match="no node"):
        pack(database, feed[0], member.id, province="south")
