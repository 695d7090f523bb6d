import json
import re
import stat
from itertools import combinations
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
from scipy.ndimage import label

from survey import cli
from survey.cli.entry import EXIT_INPUT
from survey.errors import InputError, OutputError
from survey.priority import prioritise
from survey.priority.run import AREAS, CURVE, PLOT, REPORT, SUMMARY
from tests.priority.district import NORTH, WEST, simulate, write_risk, write_settings

VERDICTS = rb"(?i)(?<![a-z])(?:safe|clear|cleared|cancelled|canceled)(?![a-z])"


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A district of 20 × 20 hectares and its plan in `plan/`."""
    folder = tmp_path_factory.mktemp("district")
    raster, settings, _ = simulate(folder, seed=4, edge=20, gap=0.03)
    prioritise(raster, settings=settings, out=folder / "plan")
    return folder


@pytest.fixture(scope="module")
def areas(district: Path) -> Any:
    return geopandas.read_file(district / "plan" / AREAS, layer="work_areas")


@pytest.fixture(scope="module")
def hectares(district: Path) -> Any:
    return geopandas.read_file(district / "plan" / AREAS, layer="hectares")


@pytest.fixture(scope="module")
def report(district: Path) -> Any:
    return json.loads((district / "plan" / REPORT).read_bytes())


def test_outlines_are_valid_of_one_piece_and_do_not_overlap(areas: Any) -> None:
    assert areas.geometry.is_valid.all()
    assert (areas.geometry.geom_type == "Polygon").all()
    assert np.allclose(areas.geometry.area, areas.area_ha * 10_000)
    assert all(a.intersection(b).area == 0 for a, b in combinations(areas.geometry, 2))
    assert areas.work_area.is_unique


def test_every_area_is_connected_across_edges(areas: Any, hectares: Any) -> None:
    west, north = (hectares.geometry.bounds[edge].to_numpy() for edge in ("minx", "maxy"))
    row, col = ((NORTH - north) / 100).astype(int), ((west - WEST) / 100).astype(int)
    for name in areas.work_area:
        mask = np.zeros((20, 20), bool)
        inside = (hectares.work_area == name).to_numpy()
        mask[row[inside], col[inside]] = True
        assert label(mask)[1] == 1


def test_every_score_is_the_sum_of_its_parts(areas: Any, hectares: Any) -> None:
    parts = ["worth_items", "worth_settlements", "worth_roads"]
    for table in (areas, hectares):
        assert np.allclose(table.worth, table[parts].sum(axis=1))
    by_area = hectares[hectares.work_area.fillna("") != ""].groupby("work_area")[["worth", *parts]].sum()
    assert np.allclose(by_area.loc[areas.work_area].to_numpy(), areas[["worth", *parts]].to_numpy())
    assert np.allclose(hectares.worth_items, hectares.expected_items)  # items_weight is 1
    assert np.allclose(hectares.worth_settlements, 4 * hectares.exposed_settlements * hectares.p_at_least_one)
    assert np.allclose(areas.benefit, areas.worth * areas.found_share)


def test_every_effort_follows_from_conditions_settings_and_setup(areas: Any, hectares: Any, report: Any) -> None:
    methods = report["settings"]["methods"]
    for name, method in methods.items():
        speed = np.full(len(hectares), method["ha_per_week"])
        for condition, curve in method["speed"].items():
            at, factor = np.array(curve, np.float64).T
            speed = speed * np.interp(hectares[f"condition_{condition}"], at, factor)
        usable = ~hectares.status.str.contains("unsuitable").to_numpy()
        for condition, most in method["limits"].items():
            usable &= (hectares[f"condition_{condition}"] <= most).to_numpy()
        assert np.allclose(hectares[f"team_weeks_{name}"], np.where(usable, 1 / speed, np.nan), equal_nan=True)
    for _, row in areas.iterrows():
        method = methods[row.method]
        own = hectares[hectares.work_area == row.work_area][f"team_weeks_{row.method}"].sum()
        assert row.team_weeks_setup == pytest.approx(method["setup_weeks"] * method["teams_per_area"])
        assert row.team_weeks == pytest.approx(own + row.team_weeks_setup)
        assert row.cost == pytest.approx(row.team_weeks * method["cost_per_team_week"])
        assert row.benefit_per_team_week == pytest.approx(row.benefit / row.team_weeks)


def test_capacity_horizon_and_totals_hold(areas: Any, report: Any) -> None:
    planned = areas[areas.planned == "yes"]
    assert len(planned) == report["plan"]["areas"] > 0
    for method, crews, size in (("manual", 2, 2), ("mechanical", 1, 1), ("dogs", 2, 1)):
        mine = planned[planned.method == method]
        assert set(mine.crew) <= set(range(1, crews + 1))
        assert (mine.groupby("crew").team_weeks.sum() / size <= 52 * (1 + 1e-5)).all()
    assert planned.completion.between("2027-03-01", "2028-02-27").all()
    assert planned.items_found.sum() == pytest.approx(report["plan"]["items_found"])
    assert planned.benefit.sum() == pytest.approx(report["solver"]["benefit"])
    assert 0 <= report["solver"]["gap"] <= 0.03
    assert areas.benefit_per_team_week[areas.planned == "yes"].is_monotonic_decreasing


def test_ground_that_no_method_suits_is_told_with_its_risk(hectares: Any, report: Any) -> None:
    without = hectares[hectares.work_area.fillna("") == ""]
    assert report["hectares"]["unsuitable"] == len(without) > 0
    assert report["hectares"]["unsuitable_items"] == pytest.approx(without.expected_items.sum())
    assert without.status.str.contains("risk remains").all()
    assert without.status.str.contains("lake").any()


def test_the_plan_reaches_at_least_what_simpler_orders_reach(report: Any) -> None:
    shares = {(row["budget_share"], row["order"]): row for row in report["comparison"]}
    assert {share for share, _ in shares} == {0.1, 0.25, 0.5, 1.0}
    for (share, order), row in shares.items():
        plan = shares[share, "plan"]
        assert row["worth_share"] <= plan["worth_share"] / (1 - plan["gap"]) + 1e-6, (share, order)


def test_the_curve_ends_at_the_plan(district: Path, report: Any) -> None:
    import pandas as pd

    curve = pd.read_csv(district / "plan" / CURVE)
    assert set(curve.order) == {"plan", "risk alone", "nearest first"}
    last = curve[curve.order == "plan"].iloc[-1]
    assert last.items_found == pytest.approx(report["plan"]["items_found"], rel=1e-4)
    assert last.team_weeks == pytest.approx(report["plan"]["team_weeks"], rel=1e-4)
    assert (curve.groupby("order").benefit.diff().dropna() >= 0).all()


def test_nothing_judges_land(district: Path) -> None:
    for path in (district / "plan").iterdir():
        words = re.findall(VERDICTS, path.read_bytes())
        assert not words, (path.name, words)
    text = (district / "plan" / SUMMARY).read_text()
    assert "nothing about land outside it" in text
    assert not re.search(r"[<#*|]", text)


def test_only_the_owner_may_read_a_plan(district: Path) -> None:
    names = {path.name for path in (district / "plan").iterdir()}
    assert names >= {AREAS, REPORT, SUMMARY, CURVE}
    for path in (district / "plan").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_the_same_input_gives_the_same_bytes(district: Path, tmp_path: Path) -> None:
    prioritise(district / "risk.tif", settings=district / "priority.yaml", out=tmp_path / "again")
    for path in (district / "plan").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_unsearched_ground_is_never_ranked_as_if_it_were_low(tmp_path: Path) -> None:
    """Three strips: searched with little found, flown and not searched, not flown. The last two come first."""
    items, searched = np.full((4, 12), 0.05), np.ones((4, 12))
    items[:, 4:8], searched[:, 4:8] = 0.5, 0.0
    items[:, 8:], searched[:, 8:] = np.nan, np.nan
    raster = write_risk(tmp_path / "risk.tif", items, searched)
    settings = write_settings(tmp_path / "p.yaml", area_ha=16, prior_items_per_ha=0.6, horizon_weeks=200)
    found = prioritise(raster, settings=settings, out=tmp_path / "plan")
    first, second, third = found.report["areas"]
    assert (first["ha_not_flown"], second["ha_not_searched"], third["ha_searched"]) == (16, 16, 16)
    assert first["expected_items"] == pytest.approx(16 * 0.6)
    assert "16 ha not flown, with the prior risk" in first["reason"]
    assert "16 ha flown and not searched, with their prior risk" in second["reason"]
    assert found.report["hectares"]["not_flown"] == 16
    assert "16 not flown (prior risk)" in found.text


def test_reasons_name_the_parts_the_method_and_why_not(areas: Any) -> None:
    best, last = areas.iloc[0], areas.iloc[-1]
    assert "expected items" in best.reason
    assert best.method in best.reason
    assert best.completion in best.reason
    assert last.planned == "no"
    assert "its risk remains" in last.reason


def test_a_budget_is_kept(tmp_path: Path) -> None:
    raster = write_risk(tmp_path / "risk.tif", np.random.default_rng(2).gamma(0.5, 1, (8, 8)))
    methods = {"manual": {"teams": 3, "ha_per_week": 1.0, "found_share": 0.9, "cost_per_team_week": 100}}
    settings = write_settings(tmp_path / "p.yaml", methods=methods, budget=1500, solver="greedy")
    report = prioritise(raster, settings=settings, out=tmp_path / "plan").report
    assert 0 < report["plan"]["cost"] <= 1500
    assert report["budget_unit"] == "money"
    assert report["solver"]["by"] == "greedy"
    tenth = [row for row in report["comparison"] if row["budget_share"] == 0.1]
    assert all(row["areas"] * 100 <= 150 for row in tenth)
    assert any("not compared with nearest first" in note for note in report["notes"])


def test_without_a_plotting_library_the_rest_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("survey.priority.curve.find_spec", lambda name: None)
    out = tmp_path / "plan"
    out.mkdir()
    (out / PLOT).write_bytes(b"of another plan")
    raster = write_risk(tmp_path / "risk.tif", np.ones((3, 3)))
    found = prioritise(raster, settings=write_settings(tmp_path / "p.yaml"), out=out)
    assert not (out / PLOT).exists()
    assert (out / CURVE).is_file()
    assert "no plot" in found.text


def test_a_plan_is_not_written_into_the_products_that_it_was_made_from(tmp_path: Path) -> None:
    products = tmp_path / "run" / "products"
    products.mkdir(parents=True)
    write_risk(products / "risk.tif", np.ones((2, 2)))
    settings = write_settings(tmp_path / "p.yaml")
    for out in (tmp_path / "run", products):
        with pytest.raises(OutputError, match="another folder"):
            prioritise(tmp_path / "run", settings=settings, out=out)
    assert prioritise(tmp_path / "run", settings=settings, out=tmp_path / "plan").report["hectares"]["in_all"] == 4


def test_where_nothing_can_be_done_the_plan_says_that_the_risk_remains(tmp_path: Path) -> None:
    raster = write_risk(tmp_path / "risk.tif", np.ones((3, 3)))
    steep = write_settings(tmp_path / "p.yaml", conditions={"slope_deg": {"value": 50}}, solver="greedy")
    steep.write_text(steep.read_text().replace("teams: 2", "teams: 0"))
    told = prioritise(raster, settings=steep, out=tmp_path / "steep")
    assert "no method can be used on 9 ha with 9 expected items: their risk remains" in told.text
    short = write_settings(tmp_path / "p.yaml", horizon_weeks=0.1)
    rows = prioritise(raster, settings=short, out=tmp_path / "short").report["areas"]
    assert all("no method with teams completes it" in row["reason"] for row in rows)
    assert sum(row["expected_items"] for row in rows) == pytest.approx(9)


def test_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="finish the run first"):
        prioritise(tmp_path, settings=write_settings(tmp_path / "p.yaml"), out=tmp_path / "plan")


def test_the_command_plans_and_tells_bad_settings_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.umask", lambda mask: 0)
    raster, settings = write_risk(tmp_path / "risk.tif", np.ones((3, 3))), write_settings(tmp_path / "p.yaml")
    arguments = ["prioritise", str(raster), "--out", str(tmp_path / "plan"), "--config", str(settings)]
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 0
    assert "work areas in the plan" in capsys.readouterr().out
    settings.write_text(settings.read_text().replace("area_ha", "areas_ha", 1))
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == EXIT_INPUT
    assert "unknown key – did you mean 'area_ha'" in capsys.readouterr().err
