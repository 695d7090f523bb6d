"""Fixtures shared by all tests."""

import os
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
