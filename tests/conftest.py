"""Fixtures shared by all tests."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with the real imagery; the test is skipped where it is absent."""
    folder = Path(os.environ.get("SURVEY_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real imagery is absent ({folder}); set SURVEY_DATA to its folder")
    return folder


@pytest.fixture(autouse=True)
def threads_as_they_were() -> Iterator[None]:
    """Give the next test the number of threads that this one began with: it decides the last digits of a result."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else None
    yield
    if torch and before:
        torch.set_num_threads(before)
