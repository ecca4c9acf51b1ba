"""A whole log, looked at from its first segment by somebody who need not trust its keeper.

The tree and its beginnings, every act with its signatures and mandate, what was dated back or given
twice; and two copies of a log held against each other. Pure: files in, findings out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from filterd.feed.acts import kind_of
from filterd.feed.checkpoint import Checkpoint
from filterd.feed.judge import judge
from filterd.feed.ledger import Ledger, digest
from filterd.feed.manifest import Manifest, compare
from filterd.feed.merkle import Edge, consistency, is_consistent, leaf_hash
from filterd.feed.refusal import Fault, Refused
from filterd.feed.segment import Segment, unpack
from filterd.feed.warrant import LATE, Breadth, check_act
from filterd.model.order import DAY, Order, Registry, SignedAct

PROOFS = 512  # beginnings of the tree that are proved; spread evenly if there are more
Dated = tuple[int, Registry]  # when it was signed, in unix seconds
LONG_AGO = DAY  # seconds that an act may have lain signed before it is told


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be, in a segment; None: in the log as a whole."""

    fault: Fault
    segment: int | None
    why: str


@dataclass(slots=True)
class Audit:
    """What came of it. `late`: acts that were logged more than `LONG_AGO` after they were signed;
    `over`: acts that were warranted when they were logged and by now are not any more, because an
    authority has ended or changed; `delays` are the seconds from signature to log, of all.
    """

    segments: int = 0
    proofs: int = 0
    acts: Counter[str] = field(default_factory=Counter)  # by kind
    legal_bases: Counter[str] = field(default_factory=Counter)  # warranted orders
    authorities: Counter[str] = field(default_factory=Counter)
    patterns: int = 0
    findings: list[Finding] = field(default_factory=list)
    late: list[Finding] = field(default_factory=list)
    over: list[Finding] = field(default_factory=list)
    delays: list[int] = field(default_factory=list)

    def tell(self, fault: Fault, segment: int | None, why: str) -> None:
        """Note a finding."""
        self.findings.append(Finding(fault, segment, why))


def audit(
    checkpoint: Checkpoint,
    files: Sequence[bytes],
    registries: Sequence[Dated],
    breadth: Breadth,
    manifests: Iterable[Manifest] = (),
) -> Audit:
    """Look at a log whose checkpoint is signed. `files` are its segments, from the first.

    Acts are held to the registry of the time at which they were logged; `registries` are all, by
    when they were signed, the newest last.
    """
    registry = registries[-1][1]
    done = Audit(segments=len(files))
    if len(files) < checkpoint.size:
        why = f"{len(files)} segments are here, the checkpoint speaks of {checkpoint.size}"
        done.tell(Fault.MIXED, None, why)
    leaves = [leaf_hash(each) for each in files[: checkpoint.size]]
    roots = _roots(leaves)
    segments = list(_segments(files[: checkpoint.size], roots, done))
    if len(leaves) == checkpoint.size and roots[-1] != checkpoint.root:
        done.tell(Fault.TAMPERED, None, "the segments do not lead to the root that was signed")
    _prove(leaves, roots, done)
    _look_at_acts(segments, registries, breadth, done)
    if len(segments) == checkpoint.size:
        ledger, time = Ledger(), 0
        for segment in segments:
            ledger, time = ledger.take(segment.acts, segment.at, segment.number), segment.at
        # The ledger drops what has ended with each checkpoint; at the end it is the same.
        ledger = ledger.at(max(time, checkpoint.time))
        if ledger.root != checkpoint.state:
            done.tell(Fault.DIVERGED, None, "the acts do not come to the state that was signed")
        judged = judge(ledger, registry, breadth).values()
        for each in manifests:
            _confront(each, roots, done)
            for found in compare(each, ledger, checkpoint.time, judged):
                done.tell(found.fault, None, found.why)
    return done


def split(one: Sequence[bytes], other: Sequence[bytes]) -> int | None:
    """Return the first segment in which two copies of a log differ; None: one continues the other.

    Two checkpoints that the same key signed over both are the proof against its keeper.
    """
    pairs = zip(one, other, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), None)


def _roots(leaves: Iterable[bytes]) -> list[bytes]:
    """Return the root of each beginning of the tree, from the empty one."""
    edge = Edge()
    roots = [edge.root]
    for leaf in leaves:
        edge = edge.add(leaf)
        roots.append(edge.root)
    return roots


def _segments(files: Iterable[bytes], roots: Sequence[bytes], done: Audit) -> Iterable[Segment]:
    before = 0
    for number, file in enumerate(files):
        try:
            segment = unpack(file)
        except Refused as refused:
            done.tell(refused.fault, number, str(refused))
            continue
        if segment.number != number:
            done.tell(Fault.REORDERED, number, f"it says that it is segment {segment.number}")
        if segment.before != roots[number]:
            done.tell(Fault.SPLIT_VIEW, number, "it continues another history than the one here")
        if segment.at < before:
            done.tell(Fault.REORDERED, number, f"it is {before - segment.at} s older than before")
        before = max(before, segment.at)
        yield segment


def _prove(leaves: Sequence[bytes], roots: Sequence[bytes], done: Audit) -> None:
    """Make and check the proofs that a light follower would be given."""
    size = len(leaves)
    step = max(1, size // PROOFS)
    for first in range(1, size, step):
        proof = consistency(leaves, first)
        done.proofs += 1
        if not is_consistent((first, roots[first]), (size, roots[size]), proof):
            done.tell(Fault.SPLIT_VIEW, None, f"no proof from {first} segments to {size}")


def _confront(manifest: Manifest, roots: Sequence[bytes], done: Audit) -> None:
    """Another history than the one that an authority saw when it counted its orders?"""
    size = manifest.size
    if size >= len(roots):
        why = f"{manifest.authority} saw {size} segments, here are {len(roots) - 1}"
        done.tell(Fault.ROLLBACK, None, why)
    elif roots[size] != manifest.root:
        why = f"{manifest.authority} saw another history of the first {size} segments"
        done.tell(Fault.SPLIT_VIEW, None, why)


def _look_at_acts(
    segments: Iterable[Segment], registries: Sequence[Dated], breadth: Breadth, done: Audit
) -> None:
    known: dict[tuple[str, str], bytes] = {}
    for segment in segments:
        for signed in segment.acts:
            _look_at(signed, segment, registries, breadth, done)
            if not isinstance(signed.act, Order):
                continue
            name, mark = (signed.act.authority, signed.act.id), digest(signed)
            if known.setdefault(name, mark) != mark:
                why = f"{'/'.join(name)} was ordered before, otherwise"
                done.tell(Fault.DUPLICATE, segment.number, why)


def _look_at(
    signed: SignedAct, segment: Segment, registries: Sequence[Dated], breadth: Breadth, done: Audit
) -> None:
    act, number = signed.act, segment.number
    name = f"{act.authority}/{act.id if isinstance(act, Order) else act.order}"
    done.acts[kind_of(act)] += 1
    at = segment.at
    refusals = [_refusal(signed, each, breadth, at) for each in in_force(registries, at)]
    if None not in refusals:
        refused = refusals[-1]
        assert refused is not None
        done.tell(refused.fault, number, f"{name}: {refused}")
        return
    today = _refusal(signed, registries[-1][1], breadth, at)
    if today is not None:
        done.over.append(Finding(today.fault, number, f"{name}: {today}"))
    delay = segment.at - signed.signed_at
    done.delays.append(delay)
    done.authorities[act.authority] += 1
    if isinstance(act, Order):
        done.legal_bases[act.legal_basis] += 1
        done.patterns += len(act.patterns)
        delay = max(delay, segment.at - act.not_before)
    if delay > LONG_AGO:
        why = f"{name}: dated {delay // 3600} hours before it was logged"
        done.late.append(Finding(Fault.MISDATED, number, why))


def in_force(registries: Sequence[Dated], at: int) -> list[Registry]:
    """Return the registries that may have been in force at unix time `at`, clocks being as they
    are: the last one before, and those that were signed around then.
    """
    before = [each for since, each in registries if since <= at - LATE][-1:]
    around = [each for since, each in registries if at - LATE < since <= at + LATE]
    return [*before, *around] or [registries[0][1]]


def _refusal(signed: SignedAct, registry: Registry, breadth: Breadth, at: int) -> Refused | None:
    try:
        check_act(signed, registry, breadth, at)
    except Refused as refused:
        return refused
    return None


def summary(done: Audit) -> Mapping[str, object]:
    """Return what was found, for scripts."""
    delays = sorted(done.delays)
    return {
        "segments": done.segments,
        "proofs": done.proofs,
        "acts": dict(done.acts),
        "patterns": done.patterns,
        "legal_bases": dict(done.legal_bases),
        "authorities": dict(done.authorities),
        "seconds_to_log": {"median": delays[len(delays) // 2], "most": delays[-1]}
        if delays
        else {},
        "findings": [[each.fault.value, each.segment, each.why] for each in done.findings],
        "over": [[each.fault.value, each.segment, each.why] for each in done.over],
        "late": [[each.fault.value, each.segment, each.why] for each in done.late],
    }
