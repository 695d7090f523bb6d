"""What a plan believes of ground that nobody flew."""

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
import yaml
from numpy.typing import NDArray

from survey.errors import ConfigError, InputError
from survey.evidence import StoredPrior, grid_from, run_evidence
from survey.export import read_hectares, write_manifest
from survey.priority import load_priority, prioritise
from survey.priority.extent import common, grid_of, placed, with_evidence
from survey.priority.ground import BASIS_WORDS, Basis, Ground, State, load_ground
from survey.priority.unflown import RiskEvidence, group_of
from survey.values import ORDNANCE_GROUPS, HectareGrid
from tests.evidence.conftest import BACKGROUND, DEFAULTS
from tests.priority.district import CRS, NORTH, WEST, write_raster, write_risk, write_settings, write_vector

ITEMS = np.array([[0.02, np.nan, np.nan], [0.5, np.nan, 0.01]])
SEARCHED = np.array([[1.0, np.nan, np.nan], [0.0, np.nan, 0.9]])
"""Three hectares that nobody flew, one that was flown and not searched."""


def evidence(folder: Path, *, west: int = WEST, cols: int = 3, rows: int = 2, crs: str = CRS) -> Path:
    """Write evidence with an accident in the second hectare of the first row."""
    folder.mkdir(exist_ok=True)
    place = shapely.Point(WEST + 150, NORTH - 50)
    geopandas.GeoDataFrame(geometry=[place], crs=CRS).to_file(folder / "accidents.gpkg")
    layer = {"name": "accidents", "kind": "accidents", "path": "accidents.gpkg", "source": "a test", "date": 2000}
    settings: dict[str, Any] = {
        "version": 1,
        "standard": "the standard of Nowhere",
        "background": BACKGROUND,
        "classes": dict.fromkeys(list(DEFAULTS)[:6], "direct"),
        "direct_reliability": 0.75,
        "notable_items_per_ha": 0.05,
        "used_land_leaves": 0.05,
        "layers": [{**layer, **DEFAULTS["accidents"]}],
    }
    (folder / "evidence.yaml").write_text(yaml.safe_dump(settings))
    bounds = (float(west), float(NORTH - 100 * rows), float(west + 100 * cols), float(NORTH))
    run_evidence(folder / "evidence.yaml", folder / "prior", grid=grid_from(bounds=bounds, crs=crs))
    return folder / "prior"


def finished(folder: Path, prior: Path | None) -> Path:
    """Write what a plan reads of a run that took a prior."""
    products = folder / "products"
    products.mkdir(parents=True)
    write_risk(products / "risk.tif", ITEMS, SEARCHED)
    inputs = {} if prior is None else {"evidence/prior.tif": StoredPrior.of(prior).sha256}
    write_manifest(products, run_id="r", inputs=inputs, model={})
    config = {"prior_items_per_ha": 0.25, "prior_shape": 0.4, "prior_shares": [0.4, 0.3, 0.2, 0.1]}
    notes = {"evidence": None if prior is None else str(prior)}
    (folder / "run.json").write_text(json.dumps({"identity": {"config": config}, "notes": notes}))
    return folder


def expected(prior: Path, *, group: str | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return items and P(at least one) as the evidence's own layers say them."""
    bands = read_hectares(prior / "prior.tif")[1]
    groups = ORDNANCE_GROUPS if group is None else (group,)
    none = [(1 + bands[f"rate_{g}"] / bands[f"shape_{g}"]) ** -bands[f"shape_{g}"] for g in groups]
    return np.sum([bands[f"rate_{g}"] for g in groups], axis=0), 1 - np.prod(none, axis=0)


def load(tmp_path: Path, run: Path, **changes: Any) -> Ground:
    changes = {"prior_items_per_ha": None, "prior_shape": None, **changes}
    config = load_priority(write_settings(tmp_path / "p.yaml", **changes))
    raster = run / "products" / "risk.tif"
    named = None if config.evidence is None else Path(config.evidence)
    found = RiskEvidence.of(raster, named)
    return load_ground(run, config, area=None, grid=grid_of(raster), raster=raster, evidence=found)


def test_hectares_that_nobody_flew_get_the_prior_of_the_runs_evidence(tmp_path: Path) -> None:
    prior = evidence(tmp_path / "e")
    ground = load(tmp_path, finished(tmp_path / "run", prior))
    items, p = expected(prior)
    unknown = np.isnan(ITEMS)
    assert (ground.state[unknown] == State.NOT_FLOWN).all()
    assert (ground.basis == np.where(unknown, Basis.EVIDENCE_PRIOR, Basis.SEARCH) + (SEARCHED == 0) * 2).all()
    np.testing.assert_allclose(ground.items[unknown], items[unknown], rtol=1e-5)
    np.testing.assert_allclose(ground.p[unknown], p[unknown], rtol=1e-4)
    assert ground.items[0, 1] > 1.2 * ground.items[0, 2]  # the accident lies there: one number for all would not tell
    np.testing.assert_array_equal(ground.items[~unknown], ITEMS[~unknown])


def test_where_the_evidence_ends_the_configured_prior_holds_and_both_are_told_apart(tmp_path: Path) -> None:
    prior = evidence(tmp_path / "e", cols=2)
    run = finished(tmp_path / "run", None)
    ground = load(tmp_path, run, evidence=str(prior))
    assert ground.basis.tolist() == [
        [Basis.SEARCH, Basis.EVIDENCE_PRIOR, Basis.CONFIGURED_PRIOR],
        [Basis.RISK_PRIOR, Basis.EVIDENCE_PRIOR, Basis.SEARCH],
    ]
    assert ground.items[0, 2] == 0.25
    assert ground.p[0, 2] == pytest.approx(1 - (1 + 0.25 / 0.4) ** -0.4)
    (run / "run.json").unlink()
    with pytest.raises(ConfigError, match="1 hectares were not flown; set prior_items_per_ha"):
        load(tmp_path, run, evidence=str(prior))


def test_evidence_of_the_risk_that_is_gone_or_made_anew_is_no_reason_to_take_another_prior(tmp_path: Path) -> None:
    prior = evidence(tmp_path / "e")
    run = finished(tmp_path / "run", prior)
    prior.rename(tmp_path / "moved")
    with pytest.raises(InputError, match=r"is not there; name its folder as `evidence`.*\(3 hectares"):
        load(tmp_path, run, prior_items_per_ha=0.5, prior_shape=0.5)
    assert load(tmp_path, run, evidence=str(tmp_path / "moved")).basis[0, 1] == Basis.EVIDENCE_PRIOR
    assert load(tmp_path, run, not_flown="leave_out").left_out == 3
    other = evidence(tmp_path / "e", cols=4)
    assert StoredPrior.of(other).sha256 != StoredPrior.of(tmp_path / "moved").sha256
    with pytest.raises(InputError, match="was made anew since"):
        load(tmp_path, run)


def test_evidence_of_a_round_counts_before_that_of_its_run(tmp_path: Path) -> None:
    first, second = evidence(tmp_path / "a"), evidence(tmp_path / "b", cols=4)
    run = finished(tmp_path / "run", first)
    folder = run / "rounds" / "001"
    folder.mkdir(parents=True)
    raster = write_risk(folder / "risk.tif", ITEMS, SEARCHED)
    write_manifest(folder, run_id="r", inputs={}, model={})
    assert RiskEvidence.of(raster, None).stored == StoredPrior.of(first)
    write_manifest(folder, run_id="r", inputs={"evidence: prior.tif": StoredPrior.of(second).sha256}, model={})
    assert "it is not known where it lies" in str(RiskEvidence.of(raster, None).missing)
    named = RiskEvidence.of(raster, second)
    assert (named.of_risk, named.notes) == (StoredPrior.of(second).sha256, ())
    assert "does not name this evidence" in RiskEvidence.of(raster, first).notes[0]


def test_a_groups_band_gets_the_groups_prior(tmp_path: Path) -> None:
    prior, run = evidence(tmp_path / "e"), finished(tmp_path / "run", None)
    bands = {"expected_items_at": ITEMS, "p_at_least_one_at": ITEMS / 2, "searched_fraction": SEARCHED}
    write_raster(run / "products" / "risk.tif", bands)
    named = {"items_band": "expected_items_at", "p_band": "p_at_least_one_at"}
    assert load(tmp_path, run, **named).items[0, 1] == pytest.approx(0.25 * 0.3)
    ground, (items, p) = load(tmp_path, run, evidence=str(prior), **named), expected(prior, group="at")
    assert ground.items[0, 2] == pytest.approx(items[0, 2], rel=1e-5)
    assert ground.items[0, 1] == pytest.approx(items[0, 1], rel=1e-5)
    assert ground.p[0, 2] < p.max()
    assert [group_of(f"p_remaining_{g}") for g in ORDNANCE_GROUPS] == [0, 1, 2, 3]
    assert group_of("expected_items") is None


def test_an_unsearched_hectare_is_prior_only_unless_something_is_known_of_it(tmp_path: Path) -> None:
    run = finished(tmp_path / "run", None)
    items, searched = np.full((1, 3), 0.5), np.array([[0.0, 0.0, 1.0]])
    bands = {"expected_items": items, "p_at_least_one": items / 2, "searched_fraction": searched}
    write_raster(run / "products" / "risk.tif", bands | {"prior_items": np.array([[0.5, 0.1, 0.1]])})
    assert load(tmp_path, run).basis.tolist() == [[Basis.RISK_PRIOR, Basis.FOUND, Basis.SEARCH]]


def test_a_plan_can_reach_over_all_ground_of_the_evidence_and_says_what_is_prior_only(tmp_path: Path) -> None:
    prior = evidence(tmp_path / "e", west=WEST - 200, cols=7, rows=4)
    run = finished(tmp_path / "run", prior)
    write_vector(tmp_path / "area.gpkg", [shapely.box(WEST - 100, NORTH - 300, WEST + 300, NORTH)])
    given: dict[str, Any] = {"prior_items_per_ha": None, "prior_shape": None, "extent": "evidence", "horizon_weeks": 99}
    settings = write_settings(tmp_path / "p.yaml", area="area.gpkg", **given)
    told = prioritise(run, settings=settings, out=tmp_path / "plan")
    by_basis = told.report["hectares"]["by_basis"]
    assert by_basis == {"search": 2, "found": 0, "risk_prior": 1, "evidence_prior": 9, "configured_prior": 0}
    assert (told.report["hectares"]["not_flown"], told.report["hectares"]["not_searched"]) == (9, 1)
    assert (
        "prior only, in which nothing is that anybody saw or did there: 1 as in the risk, 9 of the evidence"
        in told.text
    )
    rows = geopandas.read_file(tmp_path / "plan" / "work_areas.gpkg", layer="hectares")
    assert rows.risk_basis.value_counts()[BASIS_WORDS[Basis.EVIDENCE_PRIOR]] == 9
    assert (rows.searched_fraction[rows.state.str.startswith("not flown")] == 0).all()
    items, _ = expected(prior)
    assert told.report["totals"]["expected_items"] == pytest.approx(
        np.nansum(ITEMS) + items[:3, 1:5].sum() - items[:2, 2:5][np.isfinite(ITEMS)].sum(), rel=1e-5
    )
    assert all("of the evidence)" in row["reason"] for row in told.report["areas"] if row["ha_not_flown"])
    assert set(told.report["inputs"]) >= {"evidence", "area"}
    assert told.report["inputs"]["evidence"]["sha256"] == StoredPrior.of(prior).sha256
    whole = write_settings(tmp_path / "p.yaml", **given)
    assert prioritise(run, settings=whole, out=tmp_path / "plan").report["hectares"]["in_all"] == 28


def test_an_extent_of_evidence_needs_evidence_in_the_crs_of_the_risk(tmp_path: Path) -> None:
    settings = write_settings(tmp_path / "p.yaml", extent="evidence")
    run = finished(tmp_path / "run", None)
    with pytest.raises(ConfigError, match="was computed without evidence; name a folder"):
        prioritise(run, settings=settings, out=tmp_path / "plan")
    other = evidence(tmp_path / "e", crs="EPSG:32637")
    settings = write_settings(tmp_path / "p.yaml", extent="evidence", evidence=str(other))
    with pytest.raises(InputError, match=r"zone 37N.*zone 38N; run `survey evidence` with --crs EPSG:32638"):
        prioritise(run, settings=settings, out=tmp_path / "plan")
    settings = write_settings(tmp_path / "p.yaml", evidence=str(other))
    with pytest.raises(InputError, match="zone 37N"):
        prioritise(run, settings=settings, out=tmp_path / "plan")


def test_a_plan_over_a_whole_country_is_refused_before_it_begins(tmp_path: Path) -> None:
    risk, country = HectareGrid(CRS, 500_000, 4_400_000, 40, 40), HectareGrid(CRS, 300_000, 4_600_000, 3000, 3000)
    with pytest.raises(InputError, match=r"9000000 hectares .* up to 2000000: set `area` to polygons"):
        with_evidence(risk, country, area=None)
    area = write_vector(tmp_path / "a.gpkg", [shapely.box(490_000, 4_390_000, 590_000, 4_410_000)])
    assert with_evidence(risk, country, area=area).shape == (200, 1000)
    wide = write_vector(tmp_path / "b.gpkg", [shapely.box(310_000, 4_310_000, 590_000, 4_590_000)])
    with pytest.raises(InputError, match=r"7840000 hectares .* inside .*b\.gpkg"):
        with_evidence(risk, country, area=wide)


def test_grids_are_joined_cut_and_laid_over_each_other(tmp_path: Path) -> None:
    risk, wide = HectareGrid(CRS, 500_000, 4_400_000, 2, 2), HectareGrid(CRS, 500_100, 4_400_300, 4, 3)
    assert with_evidence(risk, wide, area=None) == HectareGrid(CRS, 500_000, 4_400_300, 5, 4)
    assert common(risk, wide) == HectareGrid(CRS, 500_100, 4_400_000, 1, 1)
    assert common(risk, HectareGrid(CRS, 500_200, 4_400_000, 1, 1)) is None
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    laid = placed(values, risk, wide)
    assert laid[3, 0] == 2.0
    assert np.isnan(np.delete(laid.ravel(), 9)).all()
    area = write_vector(tmp_path / "a.gpkg", [shapely.box(0, 0, 10, 10)])
    with pytest.raises(InputError, match="neither the risk nor the evidence"):
        with_evidence(risk, wide, area=area)
    with rasterio.open(write_risk(tmp_path / "r.tif", ITEMS)) as dataset:
        assert grid_of(tmp_path / "r.tif").transform == dataset.transform
