"""A finished survey, and exports of it."""

from datetime import date
from pathlib import Path

import pytest

from survey.deliver import Redaction, export_run
from tests.deliver.survey_at import write_survey

FLOWN = date(2026, 5, 1).isoformat()


@pytest.fixture(scope="session")
def survey_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished run; `rows`, `plan` and `proposed` lie beside it."""
    return write_survey(tmp_path_factory.mktemp("survey"))


@pytest.fixture(scope="session")
def extras(survey_run: Path) -> list[Path]:
    return [survey_run.parent / name for name in ("rows", "plan", "proposed")]


@pytest.fixture(scope="session")
def exported(survey_run: Path, extras: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything, unredacted."""
    out = tmp_path_factory.mktemp("out") / "export"
    return export_run(survey_run, out=out, extras=extras, flown=FLOWN).folder


@pytest.fixture(scope="session")
def coarse(survey_run: Path, extras: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that may leave with coarse places."""
    out = tmp_path_factory.mktemp("out") / "export"
    return export_run(survey_run, out=out, extras=extras, flown=FLOWN, redaction=Redaction.parse(["coarsen"])).folder


@pytest.fixture(scope="session")
def withheld(survey_run: Path, extras: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What leaves without any place."""
    out = tmp_path_factory.mktemp("out") / "export"
    return export_run(survey_run, out=out, extras=extras, redaction=Redaction.parse(["withhold"])).folder
