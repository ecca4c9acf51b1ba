from filterd.upstream.health import FIRST_BACKOFF, MOST_BACKOFF, THRESHOLD, Health


def down(now=0.0):
    health = Health()
    for _ in range(THRESHOLD):
        health.failed(now)
    return health


def test_down_after_failures_in_a_row_only():
    health = Health()
    for _ in range(10):
        assert not health.failed(0.0)
        assert not health.failed(0.0)
        assert health.up
        assert not health.succeeded(0.01)
    assert not health.failed(0.0)
    assert not health.failed(0.0)
    assert health.failed(0.0)  # said once
    assert not health.up
    assert not health.failed(0.1)


def test_one_answer_and_it_is_back():
    health = down()
    assert health.succeeded(0.02)
    assert health.up
    assert not health.succeeded(0.02)


def test_probes_come_with_growing_pauses_up_to_a_bound():
    health = down(0.0)
    pauses = []
    now = 0.0
    for _ in range(12):
        since = now
        while not health.wants_probe(now):
            now += 0.25
        pauses.append(now - since)
        health.failed(now)
    assert pauses[0] == FIRST_BACKOFF
    assert pauses == sorted(pauses)
    assert pauses[1] == 2 * FIRST_BACKOFF
    assert pauses[-1] == MOST_BACKOFF


def test_one_probe_at_a_time():
    health = down(0.0)
    assert health.wants_probe(5.0)
    health.probing = True
    assert not health.wants_probe(5.0)


def test_failures_while_down_do_not_put_off_the_probe():
    health = down(0.0)
    for _ in range(100):
        health.failed(0.5)
    assert health.wants_probe(FIRST_BACKOFF)


def test_rtt_is_an_average_that_follows():
    health = Health()
    assert health.rtt is None
    unknown = health.patience
    health.succeeded(0.1)
    assert health.rtt == 0.1
    for _ in range(50):
        health.succeeded(0.01)
    assert abs(health.rtt - 0.01) < 0.001
    assert health.patience < unknown
    for _ in range(50):
        health.succeeded(30.0)
    assert health.patience == 1.0
