"""Evidence of a round is found again by whatever is made of the round, or said to be gone."""

import json
import shutil
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
import yaml

from survey import cli
from survey.errors import ConfigError, InputError
from survey.evidence import StoredPrior, grid_from, run_evidence
from survey.explain import explain_cell
from survey.priority import prioritise
from survey.report import ReportOptions, write_report
from survey.risk import PriorField
from survey.rounds import TakenEvidence, compute_round
from survey.rounds.taken import note_file, note_round
from tests.evidence.conftest import BACKGROUND, DEFAULTS
from tests.finished import Finished, config, finished, model
from tests.priority.district import write_settings
from tests.rounds.site import GRID, X, Y, make_run

__all__ = ["config", "finished", "model"]

SIGHTINGS = [(50.0, 50.0, "ap_mine", 0.9)]
SITE = (float(X), float(Y - 300), float(X + 500), float(Y))
"""Wider than the run's hectares, which are 2 by 3; nobody flew one of them."""


def evidence(folder: Path, *, bounds: tuple[float, float, float, float] = SITE, items: float = 1.0) -> Path:
    """Write evidence with an accident in the corner, beyond the hectares of the run of `site`."""
    folder.mkdir(parents=True, exist_ok=True)
    place = shapely.Point(bounds[2] - 50, bounds[1] + 50)
    geopandas.GeoDataFrame(geometry=[place], crs=GRID.crs).to_file(folder / "accidents.gpkg")
    layer = {"name": "accidents", "kind": "accidents", "path": "accidents.gpkg", "source": "a test", "date": 2000}
    settings: dict[str, Any] = {
        "version": 1,
        "standard": "the standard of Nowhere",
        "background": {group: told | {"items_per_ha": items} for group, told in BACKGROUND.items()},
        "classes": dict.fromkeys(list(DEFAULTS)[:6], "direct"),
        "direct_reliability": 0.75,
        "notable_items_per_ha": 0.05,
        "used_land_leaves": 0.05,
        "layers": [{**layer, **DEFAULTS["accidents"]}],
    }
    (folder / "evidence.yaml").write_text(yaml.safe_dump(settings))
    run_evidence(folder / "evidence.yaml", folder / "prior", grid=grid_from(bounds=bounds, crs=GRID.crs))
    return folder / "prior"


def planned(run: Path, folder: Path, **settings: Any) -> dict[str, Any]:
    """Plan over all ground of the evidence without naming it, by command; return the report."""
    given = {"prior_items_per_ha": None, "prior_shape": None, "extent": "evidence", **settings}
    path = write_settings(folder / "priority.yaml", area_ha=2, least_area_ha=1, **given)
    with pytest.raises(SystemExit) as caught:
        cli.main(["prioritise", str(run), "--config", str(path), "--out", str(folder / "plan")])
    assert caught.value.code == 0
    report: dict[str, Any] = json.loads((folder / "plan" / "priority.json").read_bytes())
    return report


def test_a_plan_finds_the_evidence_of_its_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, prior = make_run(tmp_path / "survey" / "run", SIGHTINGS), evidence(tmp_path / "survey" / "e")
    monkeypatch.chdir(tmp_path / "survey")
    with pytest.raises(SystemExit) as caught:
        cli.main(["risk", "run", "--evidence", "e/prior"])
    assert caught.value.code == 0
    monkeypatch.chdir(tmp_path)  # a path as it was typed would lead nowhere now
    report = planned(run, tmp_path)
    assert report["inputs"]["evidence"]["sha256"] == StoredPrior.of(prior).sha256
    assert report["hectares"]["by_basis"]["evidence_prior"] == 15 - 5
    own = prior.with_name("other")
    shutil.move(prior, own)
    assert planned(run, tmp_path, evidence=str(own))["totals"] == report["totals"]
    shutil.move(own, prior)
    shutil.move(tmp_path / "survey", tmp_path / "elsewhere")  # run and evidence together
    assert planned(tmp_path / "elsewhere" / "run", tmp_path)["totals"] == report["totals"]
    shutil.copytree(tmp_path / "elsewhere" / "e", tmp_path / "survey" / "e")
    shutil.move(tmp_path / "elsewhere" / "run", tmp_path / "alone")  # the run alone
    assert planned(tmp_path / "alone", tmp_path)["totals"] == report["totals"]


def test_evidence_that_is_gone_or_was_made_anew_is_an_error_with_its_remedy(tmp_path: Path) -> None:
    run, prior = make_run(tmp_path / "run", SIGHTINGS), evidence(tmp_path / "e")
    first = compute_round(run, evidence=prior)
    settings = write_settings(tmp_path / "p.yaml", extent="evidence")

    def plan() -> None:
        prioritise(run, settings=settings, out=tmp_path / "plan")

    moved = shutil.copytree(prior, tmp_path / "moved")
    evidence(tmp_path / "e", items=2.0)
    with pytest.raises(ConfigError, match=r"rounds/001: .*/prior was made anew since; name its folder as `evidence`"):
        plan()
    (prior / "prior.tif").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"prior\.tif: is missing or was changed .*; name its folder as `evidence`"):
        plan()
    shutil.rmtree(prior)
    with pytest.raises(ConfigError, match=r"/prior is not there; name its folder as `evidence`"):
        plan()
    note_file(first.folder).unlink()  # a round of an earlier version
    with pytest.raises(ConfigError, match="it is not known where it lies; name its folder as `evidence`"):
        plan()
    again = compute_round(run, evidence=moved)  # the same evidence elsewhere is no news, but is noted
    assert not again.written
    taken = TakenEvidence.of(again.folder)
    assert taken is not None
    assert taken.folder() == moved
    plan()


def test_a_note_is_beside_the_round_and_changes_no_byte_of_it(tmp_path: Path) -> None:
    rounds = []
    first = evidence(tmp_path / "first")
    for name in ("a", "b"):
        run, prior = make_run(tmp_path / name / "run", SIGHTINGS), shutil.copytree(first, tmp_path / name / "prior")
        rounds.append(compute_round(run, evidence=prior).folder)
    one, other = ({p.name: p.read_bytes() for p in folder.iterdir()} for folder in rounds)
    assert one == other
    assert str(tmp_path).encode() not in b"".join(one.values())
    assert json.loads(note_file(rounds[0]).read_bytes())["evidence"]["from_run"] == "../prior"
    assert note_file(rounds[0]).stat().st_mode & 0o077 == 0
    note_round(rounds[0], None)
    plain = compute_round(rounds[0].parents[1]).folder
    assert not note_file(plain).exists()
    assert TakenEvidence.of(plain) is None  # its run took none, and every call states all its inputs
    note_file(rounds[0]).write_text("{")
    with pytest.raises(InputError, match=r"001\.json: is damaged"):
        TakenEvidence.of(rounds[0])


def test_explanation_report_and_trace_find_the_evidence_of_a_round(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = finished.copy(tmp_path).folder
    prior = evidence(tmp_path / "e", bounds=(500_000, 4_400_000, 500_100, 4_400_100))
    done = compute_round(run, evidence=prior)
    told = explain_cell(500_052, 4_400_027, run=run)
    assert "accidents" in str(told)
    density = StoredPrior.of(prior).over(StoredPrior.of(prior).grid)
    assert isinstance(density, PriorField)
    assert sum(told.sections[0].numbers[f"rate_{g}"] for g in BACKGROUND) == pytest.approx(
        float(density.expected()[0, 0]), rel=1e-5
    )

    def page() -> str:
        options = ReportOptions(model=str(finished.model), most_chips=1)
        return write_report(run, out=tmp_path / "r.html", options=options)[0].read_text()

    took, gone = "was computed with this evidence", "was computed with evidence that does not lie where it lay"
    assert took in page()
    with pytest.raises(SystemExit):
        cli.main(["trace", "500052", "4400027", "--run", str(run), "--json"])
    traced = json.loads(capsys.readouterr().out)
    assert StoredPrior.of(prior).sha256 in json.dumps(traced)
    with pytest.raises(SystemExit):
        cli.main(["candidates", str(run), "--out", str(tmp_path / "c")])
    assert "computed with evidence, whose layers do not count here" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["candidates", str(run), "--out", str(tmp_path / "c"), "--evidence", str(prior)])
    assert "computed with" not in capsys.readouterr().out
    shutil.rmtree(prior)
    assert gone in page()
    with pytest.raises(InputError, match=r"rounds/001: .* is not there; say with --evidence where it lies"):
        explain_cell(500_052, 4_400_027, run=run)
    other = evidence(tmp_path / "f", bounds=(500_000, 4_400_000, 500_100, 4_400_100), items=2.0)
    with pytest.raises(InputError, match=r"is not the evidence that .*rounds/001 was made with"):
        explain_cell(500_052, 4_400_027, run=run, evidence=other)
    with pytest.raises(SystemExit):
        cli.main(["candidates", str(run), "--out", str(tmp_path / "c"), "--evidence", str(other)])
    assert "computed with other evidence than the one" in capsys.readouterr().out
    assert np.isfinite(done.summary["expected_items"])
