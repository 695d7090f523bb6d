"""`survey explain` of a whole run: its numbers are those of the products, in every cell."""

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from survey import cli
from survey.config import RunConfig
from survey.errors import ConfigError, InputError
from survey.evidence import Explanation
from survey.evidence.groups import VERDICTS
from survey.explain import explain_cell
from survey.explain.finished import FinishedRun
from survey.export import write_manifest, write_risk
from survey.files import sha256_of
from survey.pipeline import run
from survey.review import ReviewStore, Status
from survey.risk import Prior, Review, assess
from survey.rounds import compute_round
from survey.values import GROUP_BANDS, ORDNANCE_GROUPS, SearchedArea
from tests.pipeline.conftest import write_flight
from tests.pipeline.test_evidence import believe
from tests.review.opinions import opinion

SEEN, UNFLOWN, COARSE = (500_055.0, 4_400_027.0), (500_150.0, 4_400_050.0), (500_351.0, 4_400_029.0)


def flown(folder: Path, config: RunConfig, evidence: Path | None = None) -> Path:
    """Run three images: two of the first cell, and one too coarse to be searched."""
    images = [
        write_flight(folder / "a.tif"),
        write_flight(folder / "b.tif", shift_m=3),
        write_flight(folder / "c.tif", shift_m=300, gsd_m=0.1, rows=70, cols=90),
    ]
    settings = config.model_copy(update={"evidence": None if evidence is None else str(evidence)})
    return run(images, folder / "out", config=settings).out


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, config: RunConfig) -> Path:
    """Return a run with the configured prior; it is not to be changed."""
    return flown(tmp_path_factory.mktemp("plain"), config)


def bands(out: Path) -> dict[str, NDArray[np.float64]]:
    with rasterio.open(out / "products" / "risk.tif") as risk:
        return dict(zip(risk.descriptions, risk.read(masked=True).astype(float).filled(np.nan), strict=True))


def numbers(explanation: Explanation) -> list[dict[str, Any]]:
    sections: list[dict[str, Any]] = [dict(section["numbers"]) for section in explanation.as_dict()["sections"]]
    return sections


def test_every_step_of_a_searched_cell_arrives_at_the_product(
    tmp_path: Path, config: RunConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    evidence = believe(tmp_path / "e", "prior")
    out = flown(tmp_path, config, evidence)
    risk = {name: float(values[0, 0]) for name, values in bands(out).items()}
    explanation = explain_cell(*SEEN, run=out)
    assert explanation.cell == "Cell E500000N4400000 (EPSG:32638), 1 ha"
    prior, search, seen, now = numbers(explanation)
    assert sum(prior[f"rate_{g}"] for g in ORDNANCE_GROUPS) == pytest.approx(risk["prior_items"], rel=1e-6)
    assert [step["layer"] for step in prior["steps"]] == ["suspected"]
    assert search["searched_ha"] == pytest.approx(risk["searched_fraction"], rel=1e-6)
    assert search["effective_search"] == pytest.approx(risk["effective_search"], rel=1e-5)
    # The search starts from the evidence: what it is said to give each group, and all together.
    assert [step["p_at_least_one"][0] for step in search["steps"]] == pytest.approx(
        [prior["p_at_least_one"][g] for g in ("total", *ORDNANCE_GROUPS)]
    )
    for group in ORDNANCE_GROUPS:
        rate, shape = prior[f"rate_{group}"], prior[f"shape_{group}"]
        assert prior["p_at_least_one"][group] == pytest.approx(1 - (1 + rate / shape) ** -shape)
    assert "one Gamma rate" not in str(explanation)
    before, after = search["steps"][0]["expected_items"]
    assert before == pytest.approx(risk["prior_items"], rel=1e-6)
    assert after - before == pytest.approx(risk["search_change"], rel=1e-3)
    assert [step["group"] for step in search["steps"]] == ["total", *ORDNANCE_GROUPS]
    assert sum(s["expected_items"][1] for s in search["steps"][1:]) == pytest.approx(after)
    # What the sightings changed, one after the other and the weaker ones together, is what the product says they did.
    assert len(seen["sightings"]) == 50
    assert len(seen["sightings"]) + seen["rest"]["count"] == risk["detections"] > 60
    steps = [*seen["sightings"], seen["rest"]]
    assert steps[0]["expected_items"][0] == pytest.approx(after)
    for one, next_one in pairwise(steps):
        assert one["expected_items"][1] == next_one["expected_items"][0]
    assert steps[-1]["expected_items"][1] - after == pytest.approx(risk["detection_change"], rel=1e-3)
    assert steps[-1]["expected_items"][1] == pytest.approx(risk["expected_items"], rel=1e-4)
    assert steps[-1]["p_at_least_one"][1] == pytest.approx(risk["p_at_least_one"], rel=1e-4)
    ratios = [one["likelihood_ratio"] for one in seen["sightings"]]
    assert ratios == sorted(ratios, reverse=True)
    assert max(one["views"] for one in seen["sightings"]) > 1
    assert {one["verdict"] for one in seen["sightings"]} == {"not reviewed"}
    for band in GROUP_BANDS:
        assert now["total"][band] == risk[band]
        assert all(now[g][band] == risk[f"{band}_{g}"] for g in ORDNANCE_GROUPS)
    text = str(explanation)
    assert "suspected (expert polygons, test, 2000-12-31, direct evidence) adds ap " in text
    assert re.search(r"anti-personnel mines: \S+ expected \(90 %: \d+ to \d+\), at least one with probability", text)
    assert "No sighting is no proof of absence" in text
    assert VERDICTS.findall(text) == []
    # The same by command, with the evidence somewhere else.
    shutil.move(evidence, tmp_path / "moved")
    with pytest.raises(InputError, match="say with --evidence where it lies"):
        explain_cell(*SEEN, run=out)
    given = ["explain", *map(str, SEEN), "--run", str(out), "--evidence", str(tmp_path / "moved")]
    for arguments, said in ((given, text), ([*given, "--json"], json.dumps(explanation.as_dict(), sort_keys=True))):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        assert caught.value.code == 0
        assert capsys.readouterr().out == said + "\n"
    other = believe(tmp_path / "f", "prior", items=9.0)
    with pytest.raises(InputError, match=r"is not the evidence that .* was made with"):
        explain_cell(*SEEN, run=out, evidence=other)


def test_cells_that_were_not_searched_say_so(plain: Path, tmp_path: Path) -> None:
    nobody = explain_cell(*UNFLOWN, run=plain)
    assert [section.title for section in nobody.sections] == ["Prior", "Search"]
    assert "NOBODY FLEW this cell" in str(nobody)
    assert "no evidence of this place was used" in str(nobody)
    coarse = explain_cell(*COARSE, run=plain)
    prior, search, seen, now = numbers(coarse)
    assert search["searched_ha"] == 0 == search["effective_search"]
    assert sum(prior[f"rate_{g}"] for g in ORDNANCE_GROUPS) == pytest.approx(now["total"]["expected_items"])
    assert "flown, but NOT SEARCHED: it keeps its prior" in str(coarse)
    assert "none, for the cell was not searched" in str(coarse)
    assert re.search(r"about 0\.005\d* ha was flown and not searched: c\.tif: its GSD", str(coarse))
    assert seen["sightings"] == []
    for text in (str(nobody), str(coarse)):
        assert VERDICTS.findall(text) == []
    with pytest.raises(InputError, match=r"took its configured prior and no evidence"):
        explain_cell(*SEEN, run=plain, evidence=tmp_path)
    with pytest.raises(InputError, match=r"lies outside the run in"):
        explain_cell(0, 0, run=plain)
    with pytest.raises(ConfigError, match="give --run DIR"):
        explain_cell(*SEEN)


def test_what_cannot_be_explained_is_refused(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no finished run"):
        explain_cell(*SEEN, run=tmp_path)
    out = shutil.copytree(plain, tmp_path / "out")
    products = out / "products"
    # A risk that was made with more than the folder tells: here, one band more than prior, search and sightings give.
    with rasterio.open(products / "risk.tif", "r+", IGNORE_COG_LAYOUT_BREAK="YES") as risk:
        place = risk.descriptions.index("p_unseen") + 1
        risk.write(risk.read(place) * 0.9, place)
    with pytest.raises(InputError, match="was changed since the run"):
        explain_cell(*SEEN, run=out)
    write_manifest(products, run_id="x", inputs={}, model={})
    with pytest.raises(InputError, match=r"p_unseen of this cell is .*judged by more than its folder says"):
        explain_cell(*SEEN, run=out)
    summary = json.loads((products / "summary.json").read_text())
    del summary["model"]["performance"]
    (products / "summary.json").write_text(json.dumps(summary))
    write_manifest(products, run_id="x", inputs={}, model={})
    with pytest.raises(InputError, match="an earlier version wrote it"):
        explain_cell(*SEEN, run=out)


def test_verdicts_are_told_where_the_risk_was_made_with_them(plain: Path, tmp_path: Path) -> None:
    out = shutil.copytree(plain, tmp_path / "out")
    made = FinishedRun.of(out)
    first, second = np.argsort(-made.detections.probability, kind="stable")[:2]
    assert made.items[first] != made.items[second]
    verdict = np.zeros(len(made.items), np.int8)
    verdict[second], verdict[first] = 1, -1
    review = Review(verdict, searched_ha=0.01)
    share = made.bands["searched_fraction"]
    searched = SearchedArea(made.grid, np.isfinite(share).astype(float), np.nan_to_num(share), np.zeros(share.shape))
    risk = assess(
        searched,
        detections=made.detections,
        items=made.items,
        performance=made.performance,
        prior=Prior(0.5, 0.5),
        review=review,
    )
    write_risk(out / "products" / "risk.tif", risk=risk, tags={})
    write_manifest(out / "products", run_id="x", inputs={}, model={})
    with pytest.raises(InputError, match="judged by more than its folder says"):
        explain_cell(*SEEN, run=out)
    explanation = explain_cell(*SEEN, run=out, review=review)
    seen = numbers(explanation)[2]
    assert [one["verdict"] for one in seen["sightings"][:2]] == ["confirmed", "not reviewed"]
    assert seen["sightings"][0]["detection_id"] == made.detection_ids[second]
    assert seen["sightings"][0]["p_at_least_one"][1] == 1
    assert [one["detection_id"] for one in seen["rejected"]] == [made.detection_ids[first]]
    assert "rejected by review, counts as no item" in str(explanation)


def test_a_round_of_verdicts_is_explained_step_by_step_and_arrives_at_its_raster(plain: Path, tmp_path: Path) -> None:
    out = shutil.copytree(plain, tmp_path / "out")
    found = FinishedRun.of(out)
    row, col = found.grid.cells_of(found.detections.x, found.detections.y)
    inside = np.flatnonzero((row == 0) & (col == 0))
    d, best = found.detections, inside[np.argsort(-found.detections.probability[inside], kind="stable")]
    with ReviewStore(out) as store:
        for n, status in ((best[0], Status.CONFIRMED), (best[1], Status.REJECTED)):
            x, y = float(d.x[n]), float(d.y[n])
            store.add(opinion(str(found.detection_ids[n]), status, x=x, y=y, error_m=0.001, size_m=0.001))
    assert "not counted in" in explain_cell(*SEEN, run=out).sections[-1].lines[0]
    compute_round(out)
    told = explain_cell(*SEEN, run=out)
    assert told.cell.endswith("as of round 001")
    _, search, seen, now = numbers(told)
    with rasterio.open(out / "rounds" / "001" / "risk.tif") as raster:
        risk = dict(zip(raster.descriptions, raster.read(masked=True).astype(float)[:, 0, 0].tolist(), strict=True))
    last = (seen["sightings"] + ([seen["rest"]] if seen["rest"] else []))[-1]
    for name in ("expected_items", "p_at_least_one"):
        assert last[name][1] == pytest.approx(risk[name], rel=1e-4)
        assert now["total"][name] == pytest.approx(risk[name])
    assert search["effective_search"] == pytest.approx(risk["effective_search"], rel=1e-4)
    assert now["remaining"]["remaining_items"] == pytest.approx(risk["remaining_items"])
    assert {s["verdict"] for s in seen["sightings"]} == {"confirmed", "not reviewed"}
    assert str(found.detection_ids[best[1]]) in {s["detection_id"] for s in seen["rejected"]}
    assert explain_cell(*SEEN, run=out, number=0) == explain_cell(*SEEN, run=plain)
    summary = out / "rounds" / "001" / "summary.json"
    facts = json.loads(summary.read_text())
    facts["belief"]["parameters"]["found"] *= 3
    summary.write_text(json.dumps(facts))
    (summary.parent / "MANIFEST.json").unlink()
    inputs = {"run: products/MANIFEST.json": sha256_of(out / "products" / "MANIFEST.json")}
    write_manifest(summary.parent, run_id="r", inputs=inputs, model={})
    with pytest.raises(InputError, match="effective_search of this cell is"):
        explain_cell(*SEEN, run=out)
