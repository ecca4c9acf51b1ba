from filterd.formats.names import registrable
from filterd.report import candidates as module
from filterd.report.batch import Band
from filterd.report.candidates import DAY, Candidates

NOW = 1_770_000_000
MIDNIGHT = NOW // DAY * DAY


def collected(*asked, known=()):
    found = Candidates(registrable, 64, NOW)
    found.take(asked)
    assert found.turn(NOW, known.__contains__) == []
    return found.turn(NOW + DAY, known.__contains__)


def many(name, clients, blocked=False):
    return [(name, 1 << number, blocked) for number in range(clients)]


def test_a_registrable_domain_of_many_clients_is_a_candidate():
    (found,) = collected(*many("a.new.example", 6), *many("b.new.example", 12))
    assert (found.day, found.domain, found.count) == (MIDNIGHT, "new.example", 18 * 64)
    assert found.clients is Band.SOME


def test_what_few_ask_for_is_forgotten_however_often():
    assert collected(*many("secret.example", 5) * 100) == []


def test_what_a_rule_knows_or_blocked_is_none():
    assert collected(*many("known.example", 20), known=["known.example"]) == []
    assert collected(*many("bad.example", 20, blocked=True)) == []


def test_names_without_a_registrable_domain_are_none():
    assert collected(*many("com", 20), *many("edu.vn", 20), *many(".", 20)) == []
    assert collected(*many("a b.example", 20), *many("192.0.2.1", 20)) == []


def test_a_day_is_forgotten_when_it_ends():
    found = Candidates(registrable, 64, NOW)
    found.take(many("new.example", 6))
    assert found.turn(NOW + DAY, lambda _: False) == []
    found.take([(name, bit << 6, blocked) for name, bit, blocked in many("new.example", 6)])
    assert found.turn(NOW + 2 * DAY, lambda _: False) == []


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "DOMAINS", 50)
    found = Candidates(registrable, 64, NOW)
    found.take(many("often.example", 20))
    for number in range(1000):
        found.take([(f"once{number}.example", 1, False)])
    assert [each.domain for each in found.turn(NOW + DAY, lambda _: False)] == ["often.example"]


def test_most_clients_come_first():
    found = collected(*many("less.example", 12), *many("more.example", 30))
    assert [each.domain for each in found] == ["more.example", "less.example"]


def test_names_of_the_schools_own_network_never_leave_it():
    own = ("pc7.our-school.local", "files.our-school.lan", "x.home.arpa", "dc.school.internal")
    for name in (*own, "7.2.0.192.in-addr.arpa", "mail.school.corp", "a.onion"):
        assert collected(*many(name, 40)) == [], name
