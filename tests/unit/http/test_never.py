from filterd.http.never import Learned, NeverDecrypt


def test_the_core_stays_whatever_is_added():
    never = NeverDecrypt.of(["bank.example"], ["clinic.example"])
    assert never.covers("www.bank.example")
    assert never.covers("clinic.example")
    assert not never.covers("notbank.example")
    assert not never.covers("example")


def test_what_is_learned_is_for_one_client_and_ends():
    learned = Learned(seconds=10.0)
    learned.learn("192.0.2.1", "app.example", 100.0)
    assert learned.knows("192.0.2.1", "app.example", 109.9)
    assert not learned.knows("192.0.2.2", "app.example", 101.0)
    assert not learned.knows("192.0.2.1", "other.example", 101.0)
    assert not learned.knows("192.0.2.1", "app.example", 110.0)
    assert len(learned) == 0


def test_what_another_worker_learned_holds_as_long_as_there_and_shortens_nothing():
    learned = Learned(seconds=100)
    learned.learn("192.0.2.1", "a.example", 0, 30)
    assert learned.left("192.0.2.1", "a.example", 10) == 20
    learned.learn("192.0.2.1", "b.example", 0)
    learned.learn("192.0.2.1", "b.example", 0, 30)
    learned.learn("192.0.2.1", "c.example", 0, 10**9)
    assert learned.left("192.0.2.1", "b.example", 0) == 100
    assert learned.left("192.0.2.1", "c.example", 0) == 100
    assert learned.left("192.0.2.2", "a.example", 0) <= 0
    assert learned.known(50) == [("192.0.2.1", "b.example"), ("192.0.2.1", "c.example")]


def test_what_is_learned_is_bounded_and_the_oldest_goes():
    learned = Learned(most=3)
    for number in range(5):
        learned.learn("192.0.2.1", f"{number}.example", float(number))
    learned.learn("192.0.2.1", "2.example", 9.0)
    learned.learn("192.0.2.1", "9.example", 9.0)
    assert len(learned) == 3
    assert [learned.knows("192.0.2.1", f"{n}.example", 9.0) for n in (2, 3, 4, 9)] == [
        True, False, True, True,
    ]  # fmt: skip
