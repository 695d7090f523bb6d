"""What composites are made of in tests."""

import pytest

from survey.datasets import Sources
from tests.pictures import small_sources


@pytest.fixture(scope="session")
def sources() -> Sources:
    """The small sources, made once."""
    return small_sources()
