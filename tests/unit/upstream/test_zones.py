from hypothesis import given
from hypothesis import strategies as st

from filterd.model.name import parents
from filterd.upstream.zones import Zones

names = st.lists(st.sampled_from(["a", "b", "ab", "test"]), max_size=4).map(".".join)


def test_the_longest_zone_wins():
    zones = Zones("out", {"school.test": "in", "lab.school.test": "lab"})
    assert zones.find("pc.lab.school.test") == "lab"
    assert zones.find("lab.school.test") == "lab"
    assert zones.find("collab.school.test") == "in"
    assert zones.find("myschool.test") == "out"
    assert zones.find("") == "out"


@given(st.sets(names), names)
def test_agrees_with_looking_at_every_zone(zones, name):
    above = [*parents(name), ""]
    slow = next((parent for parent in above if parent in zones), None)
    assert Zones(None, {zone: zone for zone in zones}).find(name) == slow
