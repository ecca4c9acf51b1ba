"""Decide by a plan in plain Python, the way the core does: slow, obvious, no code shared.

`FakeBuilder` stands in for the core's IndexBuilder and keeps patterns in a list.
"""

import json
import re
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

NOT_APPLICABLE = 65535


@dataclass
class FakeSkimmed:
    accepted: int = 0
    comments: int = 0
    leftovers: list = field(default_factory=list)


class FakeBuilder:
    def __init__(self):
        self.names = []  # (name, scope, class, line)
        self.regexes = []
        self.networks = []
        self.removed = set()

    def skim(self, data, shapes, comments, *, wide=False, before=0):
        result = FakeSkimmed()
        for number, raw in enumerate(data.splitlines(), before + 1):
            text = raw.strip()
            if not text or any(text.startswith(c) for c in comments):
                result.comments += 1
                continue
            for prefix, suffix, scope, class_id in shapes:
                name = text[len(prefix) : len(text) - len(suffix)]
                plain = re.fullmatch(rb"(?:[a-zA-Z0-9_-]+\.)+[a-zA-Z][a-zA-Z0-9_-]*", name)
                if text == prefix + name + suffix and plain:
                    self.names.append((name.decode().lower(), scope, class_id, number))
                    result.accepted += 1
                    break
            else:
                result.leftovers.append((number, text.decode()))
        return result

    def add_name(self, name, scope, class_id, line=0):
        self.names.append((name, int(scope), class_id, line))

    def add_regex(self, regex, class_id, line=0):
        try:
            re.compile(regex)
        except re.error as error:
            raise ValueError(str(error)) from error
        self.regexes.append((regex, class_id, line))

    def add_network(self, network, trigger, class_id, line=0):
        ip_network(network)
        self.networks.append((network, int(trigger), class_id, line))

    def remove_name(self, name, scope, class_id):
        self.removed.add((name, int(scope), class_id))

    def find(self, name):
        """(class, kind, pattern, depth, line) of all that match."""
        found = []
        for pattern, scope, class_id, line in self.names:
            if (pattern, scope, class_id) in self.removed:
                continue
            under = name.endswith("." + pattern) or pattern == ""
            same = name == pattern
            if (same and scope != 2) or (under and not same and scope != 0):
                kind = ("exact", "subtree", "below")[scope]
                depth = pattern.count(".") + 1 if pattern else 0
                found.append((class_id, kind, pattern, depth, line))
        for regex, class_id, line in self.regexes:
            if re.search(regex, name):
                found.append((class_id, "regex", regex, 0, line))
        return found

    def find_address(self, address, trigger):
        ip = ip_address(address)
        return [
            (class_id, "network", network, ip_network(network).prefixlen, line)
            for network, kind, class_id, line in self.networks
            if kind == trigger and ip.version == ip_network(network).version
            if ip in ip_network(network)
        ]


@dataclass(frozen=True)
class Outcome:
    kind: str
    step: int
    class_id: int = -1
    pattern: str = ""
    action: str = ""
    rewrite: object = None


@dataclass(frozen=True)
class Asker:
    address: str | None = None
    name: str | None = None
    tags: frozenset = frozenset()


class PlanEval:
    """A plan with its indexes (FakeBuilders), ready to decide."""

    def __init__(self, plan, indexes):
        self.plan = json.loads(plan)
        self.indexes = indexes
        self.classes = self.plan["classes"]
        layers = self.plan["layers"]
        self.offsets = [sum(layers[:n]) for n in range(len(layers))]
        self.groups = {group["name"]: group for group in self.plan["groups"]}
        assert sum(layers) == len(self.classes)
        assert all(len(row) == len(self.classes) for row in self.plan["ranks"])

    def segment(self, group, now):
        segments = self.groups[group]["segments"]
        starts = [segment["from"] for segment in segments]
        assert starts == sorted(set(starts))
        assert starts[0] == 0
        return [segment for segment in segments if segment["from"] <= now][-1]

    def group_of(self, address):
        ip = ip_address(address)
        best = (-1, self.plan["default_group"])
        for text, group, _client in self.plan["prefixes"]:
            network = ip_network(text, strict=False)
            if ip.version == network.version and ip in network and network.prefixlen >= best[0]:
                best = (network.prefixlen, group)
        return self.plan["groups"][best[1]]["name"]

    def ranked(self, group, name, qtype, now, asker=None):
        """(rank, depth below zero, class, pattern) of all that apply, best first."""
        asker = asker or Asker()
        row = self.plan["ranks"][self.segment(group, now)["ranks"]]
        found = []
        for offset, index in zip(self.offsets, self.indexes, strict=True):
            hits = index.find(name)
            if asker.address:
                hits += index.find_address(asker.address, 1)
            for class_id, _kind, pattern, depth, _line in hits:
                number = offset + class_id
                if row[number] != NOT_APPLICABLE and self._holds(number, name, qtype, asker):
                    found.append((row[number], -depth, number, pattern))
        return self._first_zone(sorted(found))

    def decide(self, group, name, qtype=1, now=0, asker=None):
        segment = self.segment(group, now)
        found = self.ranked(group, name, qtype, now, asker)
        late = [hit for hit in found if self.classes[hit[2]].get("late")]
        found = [hit for hit in found if not self.classes[hit[2]].get("late")]
        unrewrites = [
            self.classes[hit[2]].get("rewrite")
            for hit in found
            if self.classes[hit[2]]["action"] == "unrewrite"
        ]
        found = [hit for hit in found if self._stays(hit, unrewrites)]
        without_rule = NOT_APPLICABLE
        if segment["closed"]:
            without_rule = 4 * 256
        elif self.groups[group]["default"] == "block":
            without_rule = 9 * 256 + 255
        if found and found[0][0] <= without_rule:
            outcome = self._by_rule(found[0])
        elif without_rule != NOT_APPLICABLE:
            outcome = Outcome("block", without_rule // 256, action="block")
        else:
            outcome = Outcome("pass", 9)
        if late and outcome.kind in ("pass", "allow") and outcome.step > 1:
            return self._by_rule(late[0])
        return outcome

    def decide_address(self, group, address, now=0):
        """Whether an address in an answer is blocked."""
        row = self.plan["ranks"][self.segment(group, now)["ranks"]]
        found = []
        for offset, index in zip(self.offsets, self.indexes, strict=True):
            for class_id, _kind, pattern, depth, _line in index.find_address(address, 0):
                if row[offset + class_id] != NOT_APPLICABLE:
                    found.append((row[offset + class_id], -depth, offset + class_id, pattern))
        return self._by_rule(min(found)) if found else Outcome("pass", 9)

    def _first_zone(self, found):
        zones = [self.classes[hit[2]].get("zone") for hit in found]
        zones = [zone for zone in zones if zone is not None]
        if not zones:
            return found
        first = min(zones)
        inside = [hit for hit in found if self.classes[hit[2]].get("zone") == first]
        best = min(inside, key=lambda hit: hit[1])
        others = [hit for hit in found if self.classes[hit[2]].get("zone") is None]
        return sorted([*others, best])

    def _stays(self, hit, unrewrites):
        rule = self.classes[hit[2]]
        if rule["action"] == "unrewrite":
            return False
        lifted = rule["action"] == "rewrite" and hit[0] & 255 == 0
        return not (lifted and any(u in (None, rule["rewrite"]) for u in unrewrites))

    def _holds(self, number, name, qtype, asker):
        rule = self.classes[number]
        for denied in rule.get("denyallow", ()):
            if name == denied or name.endswith("." + denied):
                return False
        if rule.get("qtypes") and qtype not in rule["qtypes"]:
            return False
        if qtype in rule.get("not_qtypes", ()):
            return False
        clients, tags = rule.get("clients", ()), set(rule.get("tags", ()))
        if _is_one_of(asker, rule.get("not_clients", ())):
            return False
        if asker.tags & set(rule.get("not_tags", ())):
            return False
        return (not clients or _is_one_of(asker, clients)) and (not tags or bool(asker.tags & tags))

    def _by_rule(self, hit):
        rank, _depth, number, pattern = hit
        rule = self.classes[number]
        step = rank // 256
        kind = {"allow": "pass" if step == 1 else "allow", "rewrite": "rewrite"}
        return Outcome(
            kind.get(rule["action"], "block"),
            step,
            number,
            pattern,
            rule["action"],
            rule.get("rewrite"),
        )


def _is_one_of(asker, clients):
    for client in clients:
        try:
            network = ip_network(client, strict=False)
        except ValueError:
            if asker.name == client:
                return True
            continue
        if asker.address and ip_address(asker.address) in network:
            return True
    return False
