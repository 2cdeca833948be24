"""`dev` and `parts/`, without network and without the real parts: on a copy, with a home and a cache of its own."""

import pytest

from checkout import Checkout


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)
