"""Facts in, verdict out: what happens to a connection or a request. No I/O, no clock.

Every name that a connection or request gives (CONNECT, SNI, URL, Host) is decided by itself, by the
same rules and in the same order as DNS; one that is blocked blocks all. So whoever shows one name
and means another gains nothing. What may go on goes to an address that our own DNS has for the
decided name (`Verdict.dial`), which makes the address agree too.

Being never decrypted is no exception from a block: such a connection is ended unread.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field

from filterd.core import canonical_url
from filterd.http.failing import Failing, Lost
from filterd.http.host import NEITHER, Host, read_authority, read_host
from filterd.http.never import Learned
from filterd.http.page_rules import PagesFailed
from filterd.http.rules import GroupWishes, InForce
from filterd.http.words import Act, Hello, Request, Verdict, Why
from filterd.model.verdict import Kind
from filterd.policy.abp_rules import AbpRequest

_PORTS = {"http": 80, "https": 443}
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class GateSettings:
    """`ports` a tunnel or request may name; `nameless`: networks that may be asked for by address
    alone; `failing`: what happens where something cannot be asked.
    """

    ports: frozenset[int] = frozenset({80, 443})
    nameless: tuple[Network, ...] = ()
    failing: Failing = field(default_factory=Failing)


def may_go_by_address(verdict: Verdict) -> bool:
    """Say whether a connection without a name to dial may go where it was sent. What is decrypted
    only to be explained has no name to dial either, and goes nowhere.
    """
    return verdict.why is Why.NAMELESS and verdict.act in {Act.PASS, Act.SPLICE, Act.INSPECT}


class Gate:
    """Decides. `inspecting` False: this node has no authority to decrypt with."""

    def __init__(self, settings: GateSettings, learned: Learned, *, inspecting: bool) -> None:
        self._settings = settings
        self._learned = learned
        self._inspecting = inspecting

    def tunnel(self, rules: InForce | None, facts: Hello, now: float) -> Verdict:
        """Decide CONNECT before anything else is known of it: PASS, or BLOCK. `facts.tunnel` is
        its host.
        """
        if facts.port not in self._settings.ports:
            return Verdict(Act.BLOCK, Why.PORT, f"{facts.tunnel}:{facts.port}")
        found = self._worst(rules, facts.client, [read_host(facts.tunnel or "")], now)
        if found.act is Act.BLOCK and self._explains(rules, facts.client, found):
            # The page can be shown only inside: the hello decides again.
            return Verdict(Act.PASS, found.why, found.host, found.reason)
        return found

    def hello(self, rules: InForce | None, facts: Hello, now: float, steady: float) -> Verdict:
        """Decide a TLS connection: SPLICE, RESET or INSPECT."""
        given = [each for each in (facts.tunnel, facts.sni) if each is not None]
        hosts = [read_host(each) for each in given]
        if not hosts and facts.address is not None:
            hosts = [read_host(facts.address)]
        if any(each.name is not None for each in hosts):
            hosts = [each for each in hosts if each.address is None]
        found = self._worst(rules, facts.client, hosts, now)
        if found.act is Act.BLOCK:
            if self._explains(rules, facts.client, found):
                return Verdict(Act.INSPECT, found.why, found.host, found.reason, found.dial)
            return Verdict(Act.RESET, found.why, found.host, found.reason)
        return self._opened(rules, facts, found, (now, steady))

    def request(self, rules: InForce | None, facts: Request, now: float) -> Verdict:
        """Decide a request in the clear or in an inspected connection: PASS or BLOCK."""
        if facts.port not in self._settings.ports:
            return Verdict(Act.BLOCK, Why.PORT, f"{facts.host}:{facts.port}")
        hosts = [read_host(facts.host)]
        if facts.claimed is not None:
            hosts.append(read_authority(facts.claimed)[0])
        hosts += [read_host(each) for each in (facts.sni, facts.tunnel) if each is not None]
        if facts.target is not None:
            hosts.append(read_authority(facts.target)[0])
        claimed = hosts[1] if facts.claimed is not None else hosts[0]
        if claimed.name is not None:
            # Its address is then ours to choose.
            hosts = [each for each in hosts if each.address is None]
        found = self._worst(rules, facts.client, hosts, now, facts)
        if found.act is Act.PASS and len(set(hosts)) > 1:
            # A server may go by any of them, and what is learned of one would be of another.
            return Verdict(Act.BLOCK, Why.DISAGREE, found.host)
        return found

    def _opened(
        self, rules: InForce | None, facts: Hello, found: Verdict, at: tuple[float, float]
    ) -> Verdict:
        """Say whether a connection that may go on is inspected."""
        now, steady = at
        given = (read_host(each).name for each in (facts.tunnel, facts.sni) if each is not None)
        names = [each for each in given if each is not None]
        why = found.why
        if rules is not None and names and self._inspecting:
            _, wishes = rules.wishes(facts.client)
            if any(self._wanted(rules, wishes, each, (facts.client, now)) for each in names):
                # All of them: a name that is never decrypted must not shield another one.
                if all(rules.never.covers(each) for each in names):
                    why = Why.NEVER
                elif self._learned.knows(facts.client, names[-1], steady):
                    why = Why.LEARNED
                else:
                    return Verdict(Act.INSPECT, why, found.host, found.reason, found.dial)
        return Verdict(Act.SPLICE, why, found.host, found.reason, found.dial)

    def _wanted(
        self, rules: InForce, wishes: GroupWishes, name: str, asked: tuple[str, float]
    ) -> bool:
        if wishes.inspect:
            return True
        client, now = asked
        return bool(wishes.categories) and not wishes.categories.isdisjoint(
            rules.categories_of(name, client, now)
        )

    def _explains(self, rules: InForce | None, client: str, found: Verdict) -> bool:
        """Say whether a block is decrypted to be explained."""
        if rules is None or not self._inspecting or found.reason is None:
            return False
        if rules.never.covers(found.host):
            return False
        return rules.wishes(client)[1].explain

    def _worst(
        self,
        rules: InForce | None,
        client: str,
        hosts: Sequence[Host],
        now: float,
        asked: Request | None = None,
    ) -> Verdict:
        """Decide each host, with its page where one is `asked` for; the first that is blocked, else
        the first.
        """
        first: Verdict | None = None
        for host in dict.fromkeys(hosts or (NEITHER,)):
            verdict = self._one(rules, client, host, now, asked)
            if verdict.act is Act.BLOCK:
                return verdict
            first = first or verdict
        assert first is not None
        return first

    def _one(
        self,
        rules: InForce | None,
        client: str,
        host: Host,
        now: float,
        asked: Request | None,
    ) -> Verdict:
        if host.name is None:
            return self._nameless(rules, client, host.address)
        if rules is None:
            return self._without(Lost.RULES, host.name)
        url = None
        try:
            if asked is None:
                reason = rules.judge(host.name, client, now)
            else:
                # OPTIONS * is about the host.
                path = asked.path if asked.path.startswith("/") else "/"
                url = f"http://{host.name}{path}"
                sent = None if rules.pages is None else _sent(asked, host.name, path)
                reason = rules.judge_url(url, client, now, sent)
        except PagesFailed as failed:
            return self._without(Lost.ORDERS if failed.mandatory else Lost.PAGES, host.name)
        except (ValueError, KeyError):
            if url is not None and canonical_url(url) is None:
                return Verdict(Act.BLOCK, Why.BAD_URL, host.name)
            return self._without(Lost.RULES, host.name)
        if reason.kind is Kind.BLOCK:
            return Verdict(Act.BLOCK, Why.RULE, host.name, reason)
        return Verdict(Act.PASS, Why.RULE, host.name, reason, host.name)

    def _nameless(self, rules: InForce | None, client: str, address: str | None) -> Verdict:
        """An address has no rules: it passes where the school says so, or nothing is filtered."""
        if address is None:
            return Verdict(Act.BLOCK, Why.BAD_NAME, "")
        at = ipaddress.ip_address(address)
        allowed = any(at in network for network in self._settings.nameless)
        if allowed or (rules is not None and not self._filtered(rules, client)):
            return Verdict(Act.PASS, Why.NAMELESS, address)
        return Verdict(Act.BLOCK, Why.NAMELESS, address)

    def _filtered(self, rules: InForce, client: str) -> bool:
        return rules.wishes(client)[1].filtered

    def _without(self, lost: Lost, name: str) -> Verdict:
        act = Act.PASS if self._settings.failing.passes(lost, name) else Act.BLOCK
        return Verdict(act, Why.NO_RULES, name, dial=name if act is Act.PASS else None)


def _sent(asked: Request, name: str, path: str) -> AbpRequest:
    """Return a request as rules about requests see it: the URL as the client has it, and `ws` or
    `wss` for a WebSocket.
    """
    port = "" if _PORTS.get(asked.scheme) == asked.port else f":{asked.port}"
    scheme = asked.scheme.replace("http", "ws") if asked.kind == "websocket" else asked.scheme
    return AbpRequest(f"{scheme}://{name}{port}{path}", asked.source, asked.kind, asked.method)
