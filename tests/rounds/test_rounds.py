"""Rounds on a small run: what is added, what stays, what is told."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from shapely.geometry import Polygon

from survey.errors import ConfigError, InputError
from survey.export import verify_manifest, write_manifest
from survey.priority import load_priority, prioritise
from survey.priority.ground import load_ground, risk_file
from survey.resources import configs_folder
from survey.review import FILE, Kind, Opinion, Place, ReviewStore, Status
from survey.rounds import compute_round, history, latest_round, rounds_of
from survey.rounds.basis import Basis
from survey.rounds.config import load_results
from survey.rounds.verdicts import ids_of
from survey.values import COVERS, ORDNANCE_GROUPS, RISK_BANDS
from tests.priority.district import write_settings
from tests.rounds.site import GRID, X, Y, make_run, square, write_results

SIGHTINGS = [(50.0, 50.0, "ap_mine", 0.9), (150.0, 50.0, "ap_mine", 0.8), (20.0, 150.0, "anomaly", 0.7)]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run", SIGHTINGS)


def bands(folder: Path) -> dict[str, NDArray[np.float64]]:
    with rasterio.open(folder / "risk.tif") as dataset:
        values = dataset.read(masked=True).astype(np.float64).filled(np.nan)
        assert all(dataset.units)
        assert all(dataset.tags(n + 1)["MEANING"] for n in range(dataset.count))
        return dict(zip(dataset.descriptions, values, strict=True))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def decide(run: Path, number: int, status: Status) -> None:
    """Let a reviewer judge the sighting of a number."""
    basis = Basis.read(run)
    x, y = float(basis.detections.x[number]), float(basis.detections.y[number])
    with ReviewStore(run) as store:
        store.add(
            Opinion(
                Kind.SIGHTING,
                status,
                ids_of(basis)[number],
                Place(GRID.crs, x, y, 0.05),
                "ana",
                label="ap_mine",
                seen={"images": ["0" * 16]},
                run_id=basis.run_id,
            )
        )


def test_a_round_without_news_is_the_run(run: Path) -> None:
    before = contents(run / "products")
    done = compute_round(run)
    told, plain = bands(done.folder), bands(run / "products")
    for name in RISK_BANDS:
        assert np.array_equal(told[name], plain[name], equal_nan=True), name
    assert np.array_equal(told["remaining_items"], told["expected_items"], equal_nan=True)
    assert np.nansum(np.abs(told["change"])) == 0
    assert contents(run / "products") == before
    assert verify_manifest(done.folder) == ()


def test_finds_are_removed_teach_and_are_not_counted_twice(run: Path, tmp_path: Path) -> None:
    results = write_results(
        tmp_path / "work",
        areas=[square(0, 0, 130, 100), square(100, 100, 200, 200)],
        finds=[(50.2, 50, "PMN"), (80, 20, "TM"), (120, 150, "PMN")],
    )
    done = compute_round(run, results=[results])
    told, plain = bands(done.folder), bands(run / "products")
    assert told["found_and_removed"][0].tolist() == [2, 0, 0]
    assert told["found_and_removed_ap"][1, 1] == 1
    assert told["found_and_removed_at"][0, 0] == 1
    assert told["worked_fraction"][0] == pytest.approx([1, 0.3, 0], abs=0.005)
    assert told["detections"][0, 0] == told["confirmed"][0, 0] == 1
    assert told["expected_items"][0, 0] == pytest.approx(2 + told["remaining_items"][0, 0])
    assert told["p_at_least_one"][0, 0] == 1
    assert 0 < told["p_remaining"][0, 0] < 0.2 < plain["p_at_least_one"][0, 0]
    # Two items that the flight missed say that its recall is lower: where nobody worked more may have been missed.
    assert told["remaining_items"][1, 0] > plain["expected_items"][1, 0]
    assert np.allclose(told["change"], told["remaining_items"] - plain["expected_items"], atol=1e-6, equal_nan=True)
    groups = sum(told[f"remaining_items_{g}"] for g in ORDNANCE_GROUPS)
    assert np.allclose(groups, told["remaining_items"], atol=1e-5, equal_nan=True)
    parts = told["prior_items"] + told["search_change"] + told["detection_change"]
    assert np.allclose(parts, told["expected_items"], atol=1e-5, equal_nan=True)
    layer = geopandas.read_file(done.folder / "detections.gpkg", layer="detections")
    assert layer["state"].tolist() == ["found and removed", "unreviewed", "unreviewed"]
    items = geopandas.read_file(done.folder / "detections.gpkg", layer="items_found")
    assert items["item"].tolist() == [0, -1, -1]


def test_work_that_finds_nothing_lowers_what_remains_and_leaves_a_risk(run: Path, tmp_path: Path) -> None:
    path = write_results(tmp_path / "work", areas=[square(0, 0, 100, 100)])
    told, plain = bands(compute_round(run, results=[path]).folder), bands(run / "products")
    assert 0.01 < told["p_remaining"][0, 0] < 0.5 * plain["p_at_least_one"][0, 0]
    state = geopandas.read_file(run / "rounds" / "001" / "detections.gpkg", layer="detections")["state"]
    assert state.tolist() == ["not found by work", "unreviewed", "unreviewed"]
    # The same area of the same layer counts once, that of another work counts again.
    twice = write_results(tmp_path / "copy", areas=[square(0, 0, 100, 100), square(0, 0, 99.99, 100)])
    again = write_results(tmp_path / "work", areas=[square(0, 0, 100, 100)], name="second.yaml")
    p = [bands(compute_round(run, results=given).folder)["p_remaining"][0, 0] for given in ([twice], [path, again])]
    assert p[0] == pytest.approx(told["p_remaining"][0, 0], rel=1e-3)
    assert 0.001 < p[1] < p[0]


def test_a_poor_method_leaves_more(run: Path, tmp_path: Path) -> None:
    methods = {"visual": {"ap": {"mean": 0.3, "strength": 10}}}
    columns = {"method": ["manual", "visual"]}
    path = write_results(
        tmp_path / "work",
        areas=[square(200, 0, 300, 100), square(100, 0, 200, 100)],
        area_columns=columns,
        method_column="method",
        methods=methods,
    )
    told = bands(compute_round(run, results=[path]).folder)
    assert told["p_remaining_ap"][0, 1] > 3 * told["p_remaining_ap"][0, 2]
    assert told["p_remaining_at"][0, 1] > 2 * told["p_remaining_at"][0, 2]  # visual work was not looking for it


def test_an_item_left_in_place_remains(run: Path, tmp_path: Path) -> None:
    finds = [(50.0, 50.0, "PMN"), (250.0, 50.0, "TM")]
    path = write_results(tmp_path / "work", finds=finds, find_columns={"outcome": ["marked", "removed"]})
    done = compute_round(run, results=[path])
    told = bands(done.folder)
    assert told["p_remaining"][0, 0] == 1
    assert told["p_remaining"][0, 2] < 1
    assert told["found_and_removed"][0].tolist() == [0, 0, 1]
    layer = geopandas.read_file(done.folder / "detections.gpkg", layer="detections")
    assert layer["state"].tolist() == ["found, still there", "unreviewed", "unreviewed"]
    assert done.summary["sightings_and_finds"]["finds_off_worked_ground"] == 2


def test_verdicts_count(run: Path, tmp_path: Path) -> None:
    plain = bands(run / "products")
    decide(run, 0, Status.CONFIRMED)
    decide(run, 1, Status.REJECTED)
    told = bands(compute_round(run).folder)
    assert told["confirmed"][0].tolist() == [1, 0, 0]
    assert told["detections"][0].tolist() == [1, 0, 0]
    assert told["p_remaining"][0, 0] == 1
    assert told["p_remaining"][0, 1] < plain["p_at_least_one"][0, 1]
    assert told["p_remaining"][1, 0] == pytest.approx(plain["p_at_least_one"][1, 0], abs=1e-6)
    decide(run, 2, Status.REJECTED)  # now every sighting is reviewed: rejections are the site's false alarms
    assert compute_round(run).summary["belief"]["false_alarms_per_ha"] < 2.0
    path = write_results(tmp_path / "work", areas=[square(0, 0, 200, 100)], finds=[(150.1, 50, "PMN")])
    done = compute_round(run, results=[path])
    assert done.summary["sightings_and_finds"]["rejected_yet_found"] == 1
    assert done.summary["sightings_and_finds"]["confirmed_yet_not_found"] == 1
    assert bands(done.folder)["p_remaining"][0, 0] == 1  # what a reviewer confirmed stays until one rejects it
    assert "stay certain" in done.text


def test_a_review_that_is_not_there_is_told_apart_from_another_file(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        compute_round(run, review=tmp_path / FILE)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match=f"is no {FILE}"):
        compute_round(run, review=tmp_path / "notes.txt")


def test_rounds_are_kept_numbered_and_the_same_again(run: Path, tmp_path: Path) -> None:
    first = write_results(tmp_path / "work", areas=[square(0, 0, 60, 100)])
    second = write_results(tmp_path / "work", areas=[square(60, 0, 100, 100)], finds=[(70, 20, "TM")], name="b.yaml")
    compute_round(run, results=[first])
    kept = contents(run / "rounds" / "001")
    done = compute_round(run, results=[first, second])
    assert done.summary["change"]["since"] == "001"
    assert not compute_round(run, results=[first, second]).written
    assert [r.number for r in rounds_of(run)] == [1, 2]
    assert contents(run / "rounds" / "001") == kept
    other = make_run(tmp_path / "other", SIGHTINGS)
    compute_round(other, results=[first])
    assert compute_round(other, results=[first, second]).folder.name == "002"
    assert contents(other / "rounds") == contents(run / "rounds")
    dropped = compute_round(run, results=[second])
    assert any("round 002 used" in note and "results.yaml" in note for note in dropped.summary["notes"])
    lines = history(run).splitlines()
    assert [line[:3] for line in lines] == ["rou", "001", "002", "003"]
    assert "b.yaml" in lines[2]
    left = [p for p in (run / "rounds").iterdir() if p.name.startswith(".")]
    assert left == []
    for path in (run / "rounds").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_rounds_of_earlier_products_are_told_apart(run: Path) -> None:
    compute_round(run)
    assert latest_round(run) is not None
    make_run(run, SIGHTINGS[:1])
    assert latest_round(run) is None
    assert "earlier products" in history(run)
    assert compute_round(run).summary["change"]["since"] == "run"


def test_a_changed_round_is_refused(run: Path) -> None:
    done = compute_round(run)
    with (done.folder / "summary.json").open("a") as handle:
        handle.write(" ")
    with pytest.raises(InputError, match=r"summary\.json: changed"):
        compute_round(run)


def test_what_cannot_be_used_is_counted_with_its_reason(run: Path, tmp_path: Path) -> None:
    bow = Polygon([(X, Y), (X + 50, Y - 50), (X + 50, Y), (X, Y - 50)])
    areas = [square(0, 0, 100, 100), bow, None, square(900, 0, 950, 50), square(250, 0, 350, 100), square(0, 0, 9, 9)]
    day = ["2025-07-01", "2025-07-02", "2025-07-03", "2025-07-04", "", "2024-01-01"]
    path = write_results(tmp_path / "work", areas=areas, area_columns={"day": day}, date_column="day")
    done = compute_round(run, results=[path])
    notes = " | ".join(done.summary["notes"])
    for words in ("1 of 6 rows set aside: no geometry", "1 of 6 rows repaired: made valid", "before the flight"):
        assert words in notes
    assert "1 of 6 rows lie outside" in notes
    assert done.summary["worked_outside_the_run_ha"] == pytest.approx(0.5, abs=0.01)
    assert done.summary["worked_ha"] == pytest.approx(1.5, abs=0.01)
    assert done.exit_code == 0
    lost = write_results(tmp_path / "lost", areas=[None])
    assert compute_round(run, results=[lost]).exit_code == 3


def test_a_layer_without_rows_is_told(run: Path, tmp_path: Path) -> None:
    path = write_results(tmp_path / "work", areas=[square(0, 0, 100, 100)])
    path.write_text(path.read_text().replace("  kind: worked\n", '  kind: worked\n  where: "1 = 0"\n'))
    assert "has no row" in " | ".join(compute_round(run, results=[path]).summary["notes"])


def test_a_csv_without_the_columns_of_places_is_told_which(run: Path, tmp_path: Path) -> None:
    path = write_results(tmp_path / "work", areas=[square(0, 0, 100, 100)], finds=[(50.0, 50.0, "PMN")])
    (tmp_path / "work" / "items.csv").write_text(f"e,n,type\n{X + 50},{Y - 50},PMN\n")
    text = path.read_text().replace("results-items.geojson", "items.csv")
    path.write_text(text.replace("  kind: found\n", "  kind: found\n  x_column: east\n  y_column: n\n"))
    with pytest.raises(InputError, match="no column east, which x_column and y_column name"):
        compute_round(run, results=[path])


def test_items_come_as_csv_too(run: Path, tmp_path: Path) -> None:
    path = write_results(tmp_path / "work", areas=[square(0, 0, 100, 100)], finds=[(50.0, 50.0, "PMN"), (20, 20, "?")])
    text = path.read_text()
    rows = [f"{X + 50},{Y - 50},PMN,2025-06-01", f"{X + 20},{Y - 20},odd thing,2025-06-02"]
    (tmp_path / "work" / "items.csv").write_text("\n".join(["e,n,type,day", *rows]) + "\n")
    text = text.replace("results-items.geojson", "items.csv").replace(
        "  kind: found\n", f"  kind: found\n  x_column: e\n  y_column: n\n  crs: {GRID.crs}\n  date_column: day\n"
    )
    path.write_text(text)
    done = compute_round(run, results=[path])
    assert bands(done.folder)["found_and_removed"][0, 0] == 2
    assert done.summary["unknown_classes"] == {"odd thing": 1}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("flown:", "flow:", "did you mean 'flown'"),
        ("kind: worked", "kind: done", "kind"),
        ("mean: 0.9", "mean: 1.0", "less than 1"),
        ("source: team 3", "source: cleared by team 3", "release of land"),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(run: Path, tmp_path: Path, old: str, new: str, says: str) -> None:
    path = write_results(tmp_path / "work", areas=[square(0, 0, 100, 100)])
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError, match=says) as told:
        compute_round(run, results=[path])
    assert re.match(rf"{re.escape(str(path))}:\d+:\d+: ", str(told.value))
    assert not (run / "rounds" / "001").exists()


def test_the_example_loads_and_has_every_key() -> None:
    config = load_results(configs_folder() / "results.yaml")
    for part in (config, *config.layers):
        known = set(type(part).model_fields) - {"layer", "where", "crs", "x_column", "y_column", "duplicates"}
        assert known <= part.model_fields_set


def test_a_run_without_its_basis_is_refused(run: Path) -> None:
    (run / "products" / "basis.npz").unlink()
    with pytest.raises(InputError, match="same `survey run` again"):
        compute_round(run)
    make_run(run, SIGHTINGS)
    with pytest.raises(InputError, match=FILE):
        compute_round(run, review=run / "other.sqlite")


def test_a_plan_is_made_on_what_remains_after_the_latest_round(run: Path, tmp_path: Path) -> None:
    config = load_priority(write_settings(tmp_path / "priority.yaml"))
    plain = load_ground(run, config, area=None, grid=GRID)
    path = write_results(tmp_path / "work", areas=[square(0, 0, 100, 100)], finds=[(50, 50, "PMN"), (80, 20, "TM")])
    compute_round(run)
    done = compute_round(run, results=[path])
    told = bands(done.folder)
    for source, wanted in ((run, "002"), (done.folder, "002"), (run / "rounds" / "001", "001")):
        assert risk_file(source) == run / "rounds" / wanted / "risk.tif"
    for source in (run, done.folder):
        ground = load_ground(source, config, area=None, grid=GRID)
        assert ground.items[0, 0] == pytest.approx(told["remaining_items"][0, 0])
        assert ground.p[0, 0] == pytest.approx(told["p_remaining"][0, 0])
        assert ground.items[0, 0] < 0.2 * plain.items[0, 0] < told["expected_items"][0, 0]
    planned = prioritise(run, settings=tmp_path / "priority.yaml", out=tmp_path / "plan")
    assert "what remains after round 002" in planned.text
    raster = run / "products" / "risk.tif"
    assert load_ground(raster, config, area=None, grid=GRID).items[0, 0] == plain.items[0, 0]


def test_nothing_releases_land(run: Path, tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {"method": ["cleared, safe"]}
    path = write_results(
        tmp_path / "work", areas=[square(0, 0, 100, 100)], area_columns=columns, method_column="method"
    )
    done = compute_round(run, results=[path])
    layers = [
        geopandas.read_file(done.folder / "detections.gpkg", layer=name).to_csv()
        for name in ("detections", "hectares", "worked_areas", "items_found")
    ]
    with rasterio.open(done.folder / "risk.tif") as dataset:
        meanings = [str(dataset.tags(n + 1)) for n in range(dataset.count)]
    files = [p.read_text() for p in done.folder.iterdir() if p.suffix in {".json", ".qml"}]
    text = " ".join([*layers, *meanings, *files, done.text, history(run)])
    assert re.findall(r"(?i)\b(?:un)?(?:safe|clear|cleared|cancelled|canceled)\b", text) == []
    assert json.loads((done.folder / "summary.json").read_text())["limits"]


def test_a_round_keeps_what_the_run_said_of_cover_and_visibility(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [(50, 50, "ap_mine", 0.5)])
    basis = Basis.read(run)
    cover = np.random.default_rng(1).dirichlet(np.ones(5), basis.searched.grid.shape).transpose(2, 0, 1)
    visible = np.full(basis.searched.grid.shape, 0.7)
    replace(basis, searched=replace(basis.searched, cover=cover, visible=visible)).write(run / "products" / "basis.npz")
    write_manifest(run / "products", run_id=basis.run_id, inputs={}, model={})
    told = bands(compute_round(run).folder)
    assert np.nanmin(told["visibility"]) == np.nanmax(told["visibility"]) == pytest.approx(0.7)
    for n, name in enumerate(COVERS):
        known = np.isfinite(told[f"cover_{name}"])
        assert known.any()
        assert told[f"cover_{name}"][known] == pytest.approx(cover[n][known], rel=1e-6)
