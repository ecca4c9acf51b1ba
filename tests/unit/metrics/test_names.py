import re

import pytest

from filterd.metrics.names import METRICS, PREFIX, Type


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_row_follows_the_conventions(metric):
    assert re.fullmatch(PREFIX + r"[a-z][a-z0-9_]*", metric.name)
    assert metric.name.endswith("_total") == (metric.type is Type.COUNTER)
    assert metric.help.endswith(".")
    assert not metric.unit or metric.name.endswith("_" + metric.unit)
    for label in metric.labels:
        assert bool(label.values) != bool(label.most), "a label is listed or has a limit"
        assert label.name not in ("client", "qname", "name", "address")


def test_names_are_unique():
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
