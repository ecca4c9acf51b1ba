"""The whole engine in this process, with a clock and an upstream that a test sets by hand.

Everything is real but time and upstream: configuration, lists, plan, core, local records, and, where
a test asks for it, the UDP door on loopback.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from filterd.app.parts import engine_settings, local_data
from filterd.app.ruling import Inputs, build_ruling, list_specs
from filterd.config.load import loads
from filterd.core import IndexBuilder
from filterd.dns.udp import open_udp
from filterd.engine.engine import Engine, MissTimes
from filterd.formats.registry import by_name
from filterd.lists.index_store import Generation, Loaded
from filterd.model.clock import Clock
from filterd.model.event import Event
from filterd.model.verdict import Kind, Step
from filterd.policy.classes import source_of
from filterd.policy.lists_index import compile_lists
from filterd.policy.overrides import parse as parse_overrides
from filterd.policy.rulebook import default_directory, load_rulebook
from filterd.policy.said import Said

PLAIN = "groups: {g: {age: 18, safe_search: false}}\ndefault_group: g\n"
NOW = 1_788_746_400.0  # 2026-09-07 09:00, a Monday, in Hanoi
BOOK = load_rulebook(default_directory())


@dataclass
class Answering:
    """An upstream: zone file lines in, answers out. `failure` not None: it is dead, with that EDE."""

    lines: list[str] = field(default_factory=list)
    rcodes: dict[str, int] = field(default_factory=dict)
    failure: int | None = None
    held: bool = False  # keep what is asked, answer nothing
    raw: bytes | None = None  # the answer, whatever is asked; its id and question are the caller's
    asked: list[dns.message.Message] = field(default_factory=list)

    def resolve(self, name: str, query: bytes, deadline: float, done: Any) -> None:
        message = dns.message.from_wire(query)
        self.asked.append(message)
        if self.held:
            return
        loop = asyncio.get_running_loop()
        if self.failure is not None:
            loop.call_soon(done, None, self.failure)
        elif self.raw is not None:
            loop.call_soon(done, self.raw, 0)
        else:
            loop.call_soon(done, self.answer(message).to_wire(max_size=65535), 0)

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """Answer from the lines, following CNAMEs; a name that has none of the type: NODATA."""
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        owner = query.question[0].name
        kind = query.question[0].rdtype
        known = [_rrset(line) for line in self.lines]
        for _ in range(8):
            here = [r for r in known if r.name == owner and r.rdtype in (kind, 5)]
            reply.answer += here
            links = [r for r in here if r.rdtype == 5]
            if not links or kind == 5:
                break
            owner = links[0][0].target
        there = any(r.name == owner for r in known)
        text = query.question[0].name.to_text().rstrip(".").lower()
        reply.set_rcode(self.rcodes.get(text, 0 if there or reply.answer else 3))
        if not reply.answer and reply.rcode() in (0, 3):
            reply.authority.append(_rrset("example. 900 IN SOA ns.example. h.example. 1 2 3 4 600"))
        return reply


def _rrset(line: str) -> dns.rrset.RRset:
    owner, *rest = line.split(None, 3)
    ttl, rest = (int(rest[0]), rest[1:]) if rest[0].isdigit() else (300, rest)
    text = " ".join(rest).removeprefix("IN ")
    kind, _, data = text.partition(" ")
    return dns.rrset.from_text(owner if owner.endswith(".") else f"{owner}.", ttl, "IN", kind, data)


class Desk:
    """An engine to put questions to. `now` is its clock."""

    def __init__(
        self,
        config: str = PLAIN,
        upstream: Sequence[str] = (),
        *,
        lists: Mapping[str, str] | None = None,
        overrides: str = "",
        now: float = NOW,
        wait: float = 60.0,
        **settings: Any,
    ) -> None:
        self.now = now
        self.clock = Clock(lambda: self.now, lambda: self.now)
        self.upstream = Answering(list(upstream))
        self._config = loads(config, book=BOOK)
        self._overrides, self._texts = overrides, lists or {}
        self.loop = asyncio.new_event_loop()
        self.ruling = self._ruling(1)
        self.engine = Engine(
            self.ruling.snapshot,
            replace(
                engine_settings(self._config),
                **{"record": "events", "log_pass": True} | settings,
            ),
            self.upstream,
            local_data(self._config),
            clock=self.clock,
            times=MissTimes(stale_wait=wait),
        )

    def _ruling(self, number: int) -> Any:
        zone = ZoneInfo(self._config.timezone)
        overrides = parse_overrides(self._overrides, zone)
        assert not overrides.problems, overrides.problems
        inputs = Inputs(self._config, BOOK, Said(overrides.items), self._lists())
        return build_ruling(inputs, self.now, number)

    def _lists(self) -> Loaded | None:
        specs = list_specs(self._config, BOOK)
        if not specs:
            return None
        sources = [(s, self._texts[s.name].encode(), by_name(s.format)) for s in specs]
        builder = IndexBuilder(lines=True)
        compiled = compile_lists(sources, builder)
        refused = [refusal for report in compiled.reports for refusal in report.refusals]
        assert not refused, refused
        return Loaded(builder.finish(compiled.meta), Generation(1, "", 0.0, (), ()))

    def change(self, config: str) -> None:
        """Put another configuration's rules in force."""
        self._config = loads(config, book=BOOK)
        self.ruling = self._ruling(self.ruling.snapshot.generation + 1)
        self.engine.swap(self.ruling.snapshot)

    def to(self, moment: float) -> None:
        """Set the clock, and make the plan anew as the daemon does when it is due."""
        self.now = moment
        self.ruling = self._ruling(self.ruling.snapshot.generation + 1)
        self.engine.swap(self.ruling.snapshot)

    def send(self, packet: bytes, client: str = "127.0.0.1", door: int = 0) -> bytes | None:
        """Send bytes, return the bytes that come back; None for silence."""

        async def exchange() -> bytes | None:
            reply = self.engine.handle(packet, client, self.now, self.now, door)
            if not isinstance(reply, int):
                return reply
            there = asyncio.get_running_loop().create_future()
            self.engine.wait(reply, there.set_result)
            async with asyncio.timeout(10):
                return await there

        return self.loop.run_until_complete(exchange())

    def ask(
        self, name: str, kind: str = "A", client: str = "127.0.0.1", door: int = 0, **how: Any
    ) -> dns.message.Message | None:
        """Ask with EDNS; None for silence."""
        how.setdefault("use_edns", 0)
        query = dns.message.make_query(name, kind, **how)
        reply = self.send(query.to_wire(), client, door)
        if reply is None:
            return None
        message = dns.message.from_wire(reply)
        assert message.id == query.id
        return message

    def over_udp(self, name: str, kind: str, client: str) -> dns.message.Message | None:
        """Ask through the real UDP door on loopback; `client` is the address asked from."""

        async def exchange() -> bytes | None:
            loop = asyncio.get_running_loop()
            transport, _ = await open_udp("127.0.0.1", 0, self.engine, self.clock)
            heard = loop.create_future()

            class Client(asyncio.DatagramProtocol):
                def datagram_received(self, data, addr):
                    heard.set_result(data)

            port = transport.get_extra_info("sockname")[1]
            asking, _ = await loop.create_datagram_endpoint(
                Client, local_addr=(client, 0), remote_addr=("127.0.0.1", port)
            )
            try:
                asking.sendto(dns.message.make_query(name, kind, use_edns=0).to_wire())
                async with asyncio.timeout(5):
                    return await heard
            except TimeoutError:
                return None
            finally:
                asking.close()
                transport.close()
                await asyncio.sleep(0)

        reply = self.loop.run_until_complete(exchange())
        return None if reply is None else dns.message.from_wire(reply)

    def events(self) -> list[Event]:
        """Return the decisions since the last look; their classes are those of the rules now."""
        return [self._event(row) for row in self.engine.events(1000)]

    def _event(self, row: Sequence[Any]) -> Event:
        at, client, name, qtype, kind, step, class_id, group, pattern, door, rcode, *_ = row
        rule = self.ruling.classes[class_id] if class_id >= 0 else None
        return Event(
            at,
            client,
            name,
            qtype,
            Kind(kind),
            Step(step),
            source_of(rule) if rule is not None else None,
            pattern or None,
            rule.category if rule is not None else None,
            group,
            ("udp", "tcp", "dot", "doh")[door],
            rcode,
        )

    def close(self) -> None:
        self.engine.close()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()
