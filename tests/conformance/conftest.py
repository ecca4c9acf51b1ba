"""Conformance: one small test for a clause that is obeyed, in a file for its RFC, named by section."""

import pytest

from tests.support.desk import Desk


@pytest.fixture
def desk():
    """Return a maker of desks; each is closed at the end."""
    made = []

    def make(*arguments, **settings):
        made.append(Desk(*arguments, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()
