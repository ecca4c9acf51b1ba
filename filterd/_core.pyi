"""The Rust core: the only compiled code of filterd. `filterd/core` is its one importer.

It holds no policy: Python compiles what rules mean into an index and a plan, the core looks them
up. Nothing here opens a socket or reads a clock.
"""

from collections.abc import Callable, Sequence
from typing import Self, final

__all__ = [
    "CONTAINER_VERSION",
    "Abp",
    "Decision",
    "Engine",
    "HashedUrls",
    "Index",
    "IndexBuilder",
    "Limits",
    "Patterns",
    "Proxies",
    "Skimmed",
    "Snapshot",
    "canonical_url",
    "check_regex",
    "public_suffix",
]

CONTAINER_VERSION: int  # version of the index file this build reads and writes

@final
class Abp:
    """URL rules of ABP syntax from several lists, compiled. Threads may ask at once.

    `kind`: "important" (blocks in spite of exceptions), "exception" (lifts a block) or "block".
    Request types: document, subdocument, script, stylesheet, image, font, media, object, ping,
    websocket, xmlhttprequest, csp_report; any other word means "other". Hosts in A-labels.
    A `source_url` of None is not known: a document is then its own first party, anything else
    counts as a third party's.
    """

    counts: list[tuple[int, int, int, int, dict[str, int]]]
    """For each list: class, rules, cosmetic lines, comments, and lines not kept by their word
    (`rust/crates/filterd-abp/src/lines.rs`)."""

    @staticmethod
    def build(lists: Sequence[tuple[bytes, int]], *, sealed: Sequence[int] | None = None) -> Abp:
        """Compile (text, class) of each list. `$badfilter` voids equal rules of every list, but not
        those of classes in `sealed`. ValueError: more than 128 MiB of lists."""

    @staticmethod
    def open(path: str) -> Abp:
        """Read what `save` wrote. OSError; ValueError: damaged, foreign or of another version."""

    def save(self, path: str) -> None:
        """Write the file beside `path`, then put it there. OSError."""

    def check(
        self,
        url: str,
        source_url: str | None,
        request_type: str,
        *,
        method: str = "GET",
        only: Sequence[int] | None = None,
    ) -> tuple[int, str, str] | None:
        """Return (class, rule, kind) of the rule that wins, None if nothing blocks.

        `only`: the classes that count (None: all). ValueError: a URL without a host;
        RuntimeError: the matcher failed and is not to be asked again.
        """

    def matches(
        self,
        url: str,
        source_url: str | None,
        request_type: str,
        *,
        method: str = "GET",
        only: Sequence[int] | None = None,
    ) -> list[tuple[int, str, str, int]]:
        """Return (class, rule, kind, line) of each class's block, and, where one can be lifted, of
        each class's exception. `line` counts from 1 in its list."""

@final
class HashedUrls:
    """Lists of hashed URLs, compiled (`docs/hashed-urls.md`). Threads may ask at once."""

    counts: list[tuple[int, int]]  # class and number of entries of each list

    @staticmethod
    def build(lists: Sequence[tuple[bytes, int, bytes, int]]) -> HashedUrls:
        """Compile (salt, bytes of an entry, entries one after the other, class) of each list.
        ValueError: a salt that is not of 16 to 64 bytes, entries not of 8 to 32, too much."""

    @staticmethod
    def open(path: str) -> HashedUrls:
        """Map what `save` wrote, and verify all of it. OSError; ValueError: damaged, foreign."""

    def save(self, path: str) -> None:
        """Write the file beside `path`; fsync, then rename. OSError."""

    def matches(
        self, url: str, *, only: Sequence[int] | None = None
    ) -> list[tuple[int, str, bytes]]:
        """Return (class, the part of `url` that is listed, entry) of every entry that covers it;
        list by list, the longest host first and then the longest path. `only`: the classes that
        count (None: all). ValueError where `canonical_url` gives None."""

@final
class Skimmed:
    """What `IndexBuilder.skim` did with a list."""

    accepted: int  # lines taken as rules
    comments: int  # comment and blank lines
    leftovers: list[tuple[int, str]]  # (line number from 1, text) that needs a reader

@final
class IndexBuilder:
    """Collects patterns and writes one immutable index. `lines=True` also keeps line numbers.

    `only`: keep only names that could cover one of these; the rest is read and forgotten.
    `scratch`: a path beside which a nameless file takes what is too much for the memory; OSError.
    """

    def __new__(
        cls, *, lines: bool = False, only: Sequence[str] | None = None, scratch: str | None = None
    ) -> Self: ...
    def skim(
        self,
        data: bytes,
        shapes: Sequence[tuple[bytes, bytes, int, int]],  # prefix, suffix, scope, class
        comments: Sequence[bytes],
        *,
        wide: bool = False,
        before: int = 0,
    ) -> Skimmed:
        """Take every line that is exactly prefix + plain name + suffix of one shape.

        Plain: 2 or more labels of a-z 0-9 - _ (any case), no trailing dot, no `xn--` label, last
        label not numeric and, unless `wide`, no public suffix. All else is a leftover. `before`
        lines of the list came before `data`, which begins with a line.
        """

    def add_name(self, name: str, scope: int, class_id: int, line: int = 0) -> None: ...
    def add_url(self, host: str, path: str, subtree: bool, class_id: int, line: int = 0) -> None:
        """Add a rule for a URL: `path` (it begins with "/") and all beneath it, or, with a query,
        exactly that; on `host`, with `subtree` on all below it too. A path of more than 24 folders
        covers itself alone. ValueError: `canonical_url` refuses it, or the host has more than 228
        characters."""

    def add_regex(self, regex: str, class_id: int, line: int = 0) -> None:
        """Raises ValueError with the engine's words for a pattern it cannot run."""

    def add_network(self, network: str, trigger: int, class_id: int, line: int = 0) -> None:
        """Raises ValueError for text that is no CIDR network or address."""

    def remove_name(self, name: str, scope: int, class_id: int) -> None:
        """Forget a name added before or later (`$badfilter`)."""

    def write(
        self, path: str, meta: str, progress: Callable[[int, int], object] | None = None
    ) -> None:
        """Write the index (and PATH.lines where lines are kept); fsync, then rename. OSError.

        `progress` hears now and then how many rules are done, of how many.
        """

    def finish(self, meta: str) -> Index:
        """Return the index without a file, for overlays."""

@final
class Limits:
    """What no order may name: `protected` with all under it, `above` and `popular` alone."""

    def __new__(
        cls, *, protected: Sequence[str], above: Sequence[str], popular: Sequence[str]
    ) -> Self: ...

@final
class Patterns:
    """The patterns of one order, in few bytes. Kinds: 0 a name, 1 a subtree, 2 a URL."""

    def __new__(cls, given: Sequence[tuple[int, str]]) -> Self:
        """(kind, text) in the order that was signed. ValueError: one that is not spelled as
        patterns are (`feed/acts.py`)."""

    @staticmethod
    def unpack(block: bytes, most: int) -> Patterns:
        """Read what `pack` wrote, of `most` patterns at most. ValueError for anything else."""

    def pack(self) -> bytes:
        """Return them sorted by the reversed name and front coded, with their signed order."""

    def signed(self) -> list[tuple[int, str]]:
        """Return (kind, text) in the order that was signed."""

    def canonical(self) -> bytes:
        """Return the JSON of them in its one spelling, as officers signed it."""

    def first_outside(self, space: Sequence[str]) -> str | None:
        """Return the first name that is none of `space`, nor under one."""

    def first_broad(self, limits: Limits) -> tuple[str, str] | None:
        """Return the first name that is too broad, and why: suffix, protected or popular."""

    def add_to(self, builder: IndexBuilder, class_id: int) -> int:
        """Add names and URLs to `builder`; return how many: not URLs that `add_url` refuses.
        ValueError, OSError."""

    def __len__(self) -> int: ...

@final
class Index:
    """A compiled, immutable rule index, mapped from its file."""

    meta: str  # what the builder was given: JSON with the classes
    names: int  # distinct names
    urls: int  # distinct rules for URLs
    regexes: int
    networks: int
    size: int  # bytes mapped
    path: str | None

    @staticmethod
    def open(path: str, *, verify: bool = True) -> Index:
        """Map PATH. Raises ValueError for a damaged, foreign or too new file, OSError for no file."""

    def find(self, name: str) -> list[tuple[int, str, str, int]]:
        """Return (class, kind, pattern, line) for all that match; kind is exact, subtree, below
        or regex; line 0 where unknown."""

    def find_address(self, address: str, trigger: int) -> list[tuple[int, str, str, int]]:
        """The same for an address; kind is network."""

    def find_url(self, url: str) -> list[tuple[int, str, str, int]]:
        """The same for a URL: what matches its host, then rules for URLs, whose kind is url and whose
        pattern is the part of `url` that they cover. ValueError where `canonical_url` gives None."""

    def save(self, path: str) -> None:
        """Write a copy (and PATH.lines where it has lines); fsync, then rename. OSError."""

    def set_aside(self) -> None:
        """Give the memory of what was read of it back, for an index that another one has taken the
        place of; what is asked for is read again."""

def canonical_url(url: str) -> tuple[str, str] | None:
    """Return host, and path with query, in the one spelling that rules and questions have.

    `url` may lack its scheme. User, port and fragment go; escapes, dots and addresses are resolved
    (see `rust/crates/filterd-index/src/url.rs`). An IPv6 host is in brackets. None: it names no host,
    is ambiguous, or is longer than 65,536 bytes; nobody should be let through to such a URL."""

def check_regex(regex: str) -> str | None:
    """Return None if the core can run `regex`, else why not."""

def public_suffix(name: str) -> bool:
    """Say whether `name` is itself a public suffix of the ICANN section (com, edu.vn), so that a
    rule for all of it is too wide. True for any single label."""

@final
class Decision:
    """A verdict with its reason, in numbers; `engine/` turns it into model values."""

    kind: str  # pass | allow | block | rewrite
    step: int  # 1..9
    class_id: int  # -1: no rule (schedule, default)
    pattern: str  # the name, regex, network or part of the URL that matched, "" without a rule
    pattern_kind: str
    layer: int  # which index of the snapshot
    line: int
    group: str
    action: str  # the class's action, or "" (see model.rule.Action)
    rcode: int  # for rewrite
    cname: str | None
    answers: list[tuple[int, str]]  # rewrite: (type, presentation rdata) of the type asked for

@final
class Snapshot:
    """Indexes plus the plan that says what their classes mean for each group. Immutable."""

    generation: int

    def __new__(cls, indexes: Sequence[Index], plan: str, generation: int) -> Self:
        """`plan` is JSON as `policy/plan.py` writes it. Raises ValueError with the place."""

    def decide(
        self,
        name: str,
        qtype: int,
        now: float,
        *,
        client: str | None = None,
        group: str | None = None,
        client_name: str | None = None,
        client_tags: Sequence[str] | None = None,
    ) -> Decision:
        """Decide one question. `group` overrides what `client` would give; ValueError for a bad
        name or address, KeyError for an unknown group."""

    def decide_url(
        self,
        url: str,
        now: float,
        *,
        client: str | None = None,
        group: str | None = None,
        client_name: str | None = None,
        client_tags: Sequence[str] | None = None,
    ) -> Decision:
        """Decide one URL: rules for its host as a name (type A), or for its address, and rules for
        URLs, which are more specific. ValueError where `canonical_url` gives None."""

    def matches(
        self,
        name: str,
        qtype: int,
        now: float,
        *,
        client: str | None = None,
        group: str | None = None,
        client_name: str | None = None,
        client_tags: Sequence[str] | None = None,
    ) -> list[tuple[int, int, str, str, int, int]]:
        """Return (rank, class, kind, pattern, layer, line) of every match that could apply, best
        rank first; rank 65535: does not apply to this group, type or time."""

    def matches_url(
        self,
        url: str,
        now: float,
        *,
        client: str | None = None,
        group: str | None = None,
        client_name: str | None = None,
        client_tags: Sequence[str] | None = None,
    ) -> list[tuple[int, int, str, str, int, int]]:
        """The same for a URL."""

    def group_of(self, client: str) -> str: ...

@final
class Engine:
    """Bytes of a query in, bytes of a reply out, with cache, counters and events."""

    def __new__(cls, snapshot: Snapshot, settings: str) -> Self:
        """`settings` is JSON: cache_bytes, lanes, max_misses, zone_rate, ring, min_ttl, max_ttl, negative_ttl,
        stale_ttl (0: never stale), stale_answer_ttl, prefetch (fraction of the TTL), udp_size,
        record ("nothing", "counts", "events"), log_pass."""

    def swap(self, snapshot: Snapshot) -> None: ...
    def handle(
        self, packet: bytes, client: str, now: float, steady: float, door: int
    ) -> bytes | int | None:
        """Answer at once (bytes), park as a miss (int: the token `complete` names again), or drop
        (None). `now`: unix seconds; `steady`: seconds of a clock that nobody sets. `door`: 0 udp,
        1 tcp, 2 dot, 3 doh. Never raises for what is in the packet."""

    def take_misses(self, most: int) -> list[tuple[int, bytes, str, int, int]]:
        """New questions to resolve: (miss, query wire, name, qtype, flags); flags 1 DO, 2 CD,
        4 prefetch. The query has id 0, RD set, an OPT, and no client option."""

    def complete(
        self, miss: int, answer: bytes | None, now: float, steady: float, failure: int = 0
    ) -> list[tuple[int, bytes]]:
        """Inspect, cache and answer: (token, reply) for each that waits, b"" where a rule says
        silence. `answer` None means failed:
        a stale answer if there is one, else SERVFAIL with EDE `failure`. An `answer` that does not
        fit its question counts as failed. An unknown miss gives []."""

    def serve_stale(self, miss: int, now: float, steady: float) -> list[tuple[int, bytes]]:
        """Answer those that wait from a stale entry, if there is one (RFC 8767 section 5); the miss stays."""

    def keep_nothing_of(self, miss: int) -> None:
        """Cache neither the answer of `miss` nor that there was none."""

    def forget(self, token: int) -> None:
        """A waiting client has gone."""

    def take_events(
        self, most: int
    ) -> list[tuple[float, str, str, int, str, int, int, str, str, int, int, int]]:
        """Oldest first: (time, client, name, qtype, kind, step, class, group, pattern, door, rcode,
        generation)."""

    def gather_counts(self) -> int:
        """Bring together what threads have counted, so that what is counted again and again waits
        as one row; returns how many rows wait for `take_counts`. Past 131,072 rows, patterns are
        counted without their name."""

    def take_counts(self) -> list[tuple[int, str, int, int, str, str, int, int, int]]:
        """(slot, kind, step, class, group, pattern, count, generation, clients) since the last
        call, where the settings say `record`: "counts". No client, nothing finer than five minutes.

        `clients`: each client is one bit of 64, another one in each slot (see `set_bands`); the
        bits of rows of the same slot may be or-ed. n bits: about -64 ln(1 - n / 64) clients."""

    def set_bands(self, key: bytes, sample: int = 0) -> None:
        """Give clients bits in what is counted, and sample about one answer in `sample` (0: none)
        by every thread from now on. An engine begins with neither.

        `key`: 16 random bytes that choose the bits, kept nowhere else; b"": no bits, and no sample.
        A client is an IPv4 address or the /64 of an IPv6 address. Bits under two keys say nothing
        of each other, so a new key is for when it has to be. ValueError."""

    def take_sample(self) -> list[tuple[str, int, bool]]:
        """(qname, client, blocked) of sampled answers since the last call, 16,384 at most: the
        oldest go, counted in `stats`. `qname` in lower case, "." for the root; `client`: the
        client's bit of 64 on this day (UTC), unlike its bits in slots; `blocked`: by a rule."""

    def stats(self) -> str:
        """Counters and gauges as JSON; see `metrics/names.py` for what each is."""

    def clear_cache(self) -> None: ...
    def set_guard(self, settings: str, secrets: Sequence[bytes]) -> None:
        """Put a guard in front of every query: who is answered, how fast, and DNS cookies.
        `settings` is JSON as `app/guarding.py` writes it; `secrets`: none, the one in use, or that
        and the one before, 16 bytes each. An engine begins with none. ValueError."""

    def set_gate(self, settings: str) -> None:
        """Have addresses in replies to clients of strict groups put into sets of nftables from now
        on, before the replies leave, with TTLs of an hour at most. `settings` is JSON as
        `app/gating.py` writes it; what is open already stays, where the sets are the same. An engine
        begins with none. ValueError.

        Needs CAP_NET_ADMIN; without, or without the table, replies leave all the same, and
        `stats` counts what could not be opened."""

    def open_again(self, steady: float) -> int:
        """Put all that is to be open there again: somebody changed the table. Returns how many."""

    def welcomes(self, client: str) -> bool:
        """Say whether a connection of this address is taken, as the guard has it; one that is not
        is counted. ValueError for no address."""

    def bell(self) -> int:
        """A descriptor that is readable when `take_misses` has something that a thread parked."""

    def answer_bell(self) -> None:
        """Have it ring again from now on; take misses after this."""

    def open_doors(
        self, sockets: Sequence[int], cpus: Sequence[int], proxies: Proxies | None = None
    ) -> None:
        """Start a thread for each bound UDP socket (descriptors, duplicated), kept to the
        processors in turn; none: any. Replies to what they parked leave by themselves. `proxies`:
        who says whose a datagram is. OSError."""

    def stop_workers(self) -> None:
        """End the threads; replies that come late still leave."""

    def close_doors(self) -> None:
        """End the threads and close their sockets."""

    def start_forwarding(self, settings: str, kept: str, cpu: int | None = None) -> None:
        """Ask plain UDP servers from now on, from a thread kept to `cpu`, for all names but those
        below one in `kept`; both JSON, as `engine/routing.py` writes them. What it cannot end comes
        by `take_misses`. Call it after `open_doors`. ValueError, OSError."""

    def stop_forwarding(self) -> None:
        """End that; what was under way comes by `take_misses`."""

    def forwarding(self) -> str | None:
        """Counters and health of those servers as JSON, in the form of `Resolver.stats`; None: not
        forwarding."""

    def loses_case(self, server: int) -> None:
        """Ask this server (its place in the settings) without random letter case for an hour."""

    def take_mail(self) -> list[tuple[int, bytes]]:
        """(token, reply) for those that wait by token and were answered by a thread; the bell says
        when, b"" where a rule says silence."""

    def doors(self) -> tuple[int, int, int]:
        """Return how many threads answer, how many forward, and how many replies could not be
        sent."""

@final
class Proxies:
    """The proxies that are believed when they say whose a message is (PROXY protocol, version 2;
    see `rust/crates/filterd-core/src/proxy.rs`), and counts of what they said."""

    def __new__(cls, networks: Sequence[str]) -> Self:
        """ValueError for text that is no CIDR network or address."""

    def hold(self, peer: str) -> bool:
        """Say whether `peer`, an address, is one of them. ValueError for no address."""

    def enter(self, peer: str, data: bytes, door: int, whole: bool) -> tuple[str, int] | None:
        """Return whose `data` is that came from `peer`, and where the message begins: `peer` and 0
        for one that is no proxy. None: more of the header has to come; never where it is `whole`,
        which means that no more will. `door` as in `Engine.handle`, for counts. ValueError: the
        header is not what it has to be; the text is the reason, a word that `counts` has."""

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return how many good headers there were, by door ("udp", "tcp"), and how many messages
        and connections were refused, by reason."""
