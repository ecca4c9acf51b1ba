"""The site that tests of the lists floor work on."""

import pytest

from tests.support.lists_site import Site


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)
