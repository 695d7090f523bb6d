"""Proposals hold what the rule says, no more, and say what they rest on."""

import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from survey.candidates import CandidatesConfig, propose
from survey.candidates.counts import interval
from survey.cli import app
from survey.config import load_config
from survey.errors import ConfigError, InputError, OutputError
from survey.evidence import VERDICTS
from survey.export import Layer, verify_manifest, write_geopackage
from survey.geometry import check_features
from tests.candidates.site import CRS, NORTH, SEARCHED, WEST, at, evidence, finished_run, patterns

RULE = load_config(CandidatesConfig)


def proposed(folder: Path) -> list[dict[str, object]]:
    table = pyogrio.read_dataframe(folder / "candidates.gpkg", layer="candidates")
    return [dict(row) for row in table.to_dict("records")]


def test_a_confirmed_item_makes_a_cha_and_an_unreviewed_one_an_sha(tmp_path: Path) -> None:
    places = [at(60, 60), at(150, 150), at(60, 240), at(100, 100)]
    run = finished_run(
        tmp_path / "run",
        places=places,
        probability=[0.2, 0.7, 0.3, 0.9],
        verdict=["confirmed", "", "", "rejected"],
    )
    text = propose(run, rule=RULE, out=tmp_path / "out").text
    cha, sha = proposed(tmp_path / "out")
    assert (cha["kind"], sha["kind"], cha["status"]) == ("candidate CHA", "candidate SHA", "proposal")
    for row, place, reach in ((cha, places[0], 50), (sha, places[1], 25)):
        shape = row["geometry"]
        buffer = shapely.Point(place).buffer(reach)
        assert shape.contains(buffer)  # type: ignore[attr-defined]
        most = reach + RULE.cell_m * 1.5 + 3 * RULE.simplify_m
        assert shapely.Point(place).buffer(most).contains(shape)
    assert (cha["items_confirmed"], sha["items_seen"], cha["hectares"]) == (1, 1, 3)
    assert "1 item confirmed by review within 50 m (direct, worth 1)" in str(cha["basis"])
    assert "1 unreviewed sighting of probability 0.5 or more within 25 m (indirect, worth 0.5)" in str(sha["basis"])
    assert "1 items left out that review rejected" in text
    assert verify_manifest(tmp_path / "out") == ()


def test_risk_holds_on_searched_ground_only_and_buffers_reach_beyond_it(tmp_path: Path) -> None:
    high = np.full((3, 3), 0.1)
    high[0, 1], high[1, 2] = 0.8, 0.9  # the second was flown and not searched: that is its prior
    run = finished_run(tmp_path / "run", places=[at(195, 250)], probability=[0.9], risk={"p_at_least_one_ap": high})
    propose(run, rule=RULE, out=tmp_path / "out")
    risk, sighting = proposed(tmp_path / "out")
    grown = 3 * RULE.simplify_m
    assert shapely.box(WEST + 100, NORTH - 100, WEST + 200, NORTH).buffer(grown).contains(risk["geometry"])
    assert "anti-personnel mines) of up to 0.80 in 1 hectare, 0.5 asked" in str(risk["basis"])
    assert sighting["not_searched_ha"] == pytest.approx(
        sighting["geometry"].difference(SEARCHED).area / 10_000  # type: ignore[attr-defined]
    )
    assert 0.05 < float(str(sighting["not_searched_ha"])) < 0.2


def test_layers_of_evidence_and_rows_enter_with_their_class(tmp_path: Path) -> None:
    row = [at(20 + 4 * n, 50) for n in range(12)]
    run = finished_run(tmp_path / "run", places=row, probability=[0.3] * 12)
    rows = patterns(run, tmp_path / "patterns")
    rule = load_config(CandidatesConfig, overrides=["weights={minefield_records: 1.0, row: 0.5}"])
    found = propose(run, rule=rule, out=tmp_path / "out", evidence=evidence(tmp_path / "e"), patterns=rows)
    cha, sha = proposed(tmp_path / "out")
    assert "minefield records 'old-maps' add up to 3.24 items per hectare (direct, worth 1)" in str(cha["basis"])
    assert "places along laid rows" in str(sha["basis"])
    assert sha["geometry"].contains(shapely.LineString([row[0], row[-1]]))  # type: ignore[attr-defined]
    assert "crops" not in found.text
    assert set(found.report["inputs"]) == {"run", "evidence", "patterns", "rule"}
    assert cha["run_sha256"] == found.report["inputs"]["run"]


def test_weights_add_up_and_each_kind_counts_once(tmp_path: Path) -> None:
    places = [at(50, 50), at(60, 50), at(150, 250)]
    high = np.full((3, 3), 0.1)
    high[0, 0] = 0.9
    run = finished_run(
        tmp_path / "run",
        places=places,
        probability=[0.9] * 3,
        risk={f"p_at_least_one_{g}": high for g in ("ap", "at", "uxo")},
    )
    rule = load_config(CandidatesConfig, overrides=["sha_weight=0.9"])
    propose(run, rule=rule, out=tmp_path / "out")
    (only,) = proposed(tmp_path / "out")
    assert only["indirect_weight"] == pytest.approx(1.0)
    assert only["items_seen"] == 2


def test_a_rerun_gives_the_same_bytes_and_ids(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run", places=[at(50, 50)], probability=[0.9])
    for name in ("a", "b"):
        propose(run, rule=RULE, out=tmp_path / name)
    files = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert files == ["MANIFEST.json", "candidates.gpkg", "candidates.json", "summary.txt"]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        assert (tmp_path / "a" / name).stat().st_mode & 0o077 == 0
    assert proposed(tmp_path / "a")[0]["candidate"] == "SHA-E500050N4400250"
    propose(run, rule=RULE, out=tmp_path / "a")


def test_decisions_of_reviewers_count_by_name_and_by_place(tmp_path: Path) -> None:
    """One named, one by its place, one rejected, and one that only people saw."""
    places = [at(50, 50), at(150, 50), at(50, 250)]
    run = finished_run(tmp_path / "run", places=places, probability=[0.9] * 3)
    told = {
        "items": [("d0", at(50.1, 50)), ("by hand", at(150.2, 50)), ("drawn", at(250, 250))],
        "hard_negatives": [("d2", places[2])],
    }
    layers = []
    for name, decided in told.items():
        wkb = np.asarray(shapely.to_wkb(shapely.points([place for _, place in decided])), dtype=object)
        text = {"subject": [s for s, _ in decided]} | {
            key: [value] * len(decided)
            for key, value in (("class", "ap_mine"), ("decided_at", "2026"), ("decision", "u"), ("images", "i0"))
        }
        columns: dict[str, np.ndarray] = {key: np.array(values, dtype=object) for key, values in text.items()}
        columns |= {key: np.full(len(decided), 0.05) for key in ("size_m", "position_error_m")}
        layers.append(Layer(name, "Point", wkb, columns))
    write_geopackage(tmp_path / "review.gpkg", crs=CRS, layers=layers, styles={})
    found = propose(run, rule=RULE, out=tmp_path / "out", review=tmp_path / "review.gpkg")
    rows = proposed(tmp_path / "out")
    assert {row["kind"] for row in rows} == {"candidate CHA"}
    assert sum(int(str(row["items_confirmed"])) for row in rows) == 3
    assert any(row["geometry"].contains(shapely.Point(at(250, 250))) for row in rows)  # type: ignore[attr-defined]
    assert found.report["items_rejected_by_review"] == 1
    assert rows[0]["review_sha256"] == found.report["inputs"]["review"]
    with pytest.raises(InputError, match="cannot be read"):
        propose(run, rule=RULE, out=tmp_path / "out", review=run / "products" / "detections.gpkg")


def test_nothing_to_propose_is_said_and_is_no_finding(tmp_path: Path) -> None:
    text = propose(finished_run(tmp_path / "run"), rule=RULE, out=tmp_path / "out").text
    assert proposed(tmp_path / "out") == []
    assert "no finding about it" in text


def test_no_word_releases_land_and_no_area_is_made_smaller(tmp_path: Path) -> None:
    """The rule has no input that lists areas on record, so it cannot propose to take one back."""
    run = finished_run(
        tmp_path / "run", places=[at(50, 50), at(150, 50)], probability=[0.9, 0.9], verdict=["confirmed", ""]
    )
    out = tmp_path / "out"
    propose(run, rule=RULE, out=out, evidence=evidence(tmp_path / "e"))
    with pyogrio_text(out / "candidates.gpkg") as told:
        texts = [told, (out / "candidates.json").read_text(), (out / "summary.txt").read_text()]
    texts += [(out / "MANIFEST.json").read_text(), CliRunner().invoke(app, ["candidates", "--help"]).output]
    for text in texts:
        assert not VERDICTS.search(text)
        assert "reduc" not in text.lower()
        assert "candidate" in text.lower()
    with pytest.raises(ConfigError, match="release no land"):
        load_config(CandidatesConfig, overrides=["standard=cleared areas"])


class pyogrio_text:  # noqa: N801 - reads as a function
    """All text of a GeoPackage, column names and style too."""

    def __init__(self, path: Path) -> None:
        import sqlite3

        with sqlite3.connect(path) as database:
            lines = [line for line in database.iterdump() if "candidates" in line or "styleQML" in line]
        self.text = "\n".join(lines)

    def __enter__(self) -> str:
        return self.text

    def __exit__(self, *_: object) -> None: ...


def test_foreign_folders_and_other_runs_are_refused(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run", places=[at(20 + 4 * n, 50) for n in range(12)], probability=[0.9] * 12)
    with pytest.raises(OutputError, match="holds products"):
        propose(run, rule=RULE, out=run)
    with pytest.raises(InputError, match="no finished run"):
        propose(tmp_path, rule=RULE, out=tmp_path / "out")
    rows = patterns(run, tmp_path / "patterns")
    (run / "products" / "MANIFEST.json").write_text('{"changed": 1}')
    with pytest.raises(InputError, match="of another run"):
        propose(run, rule=RULE, out=tmp_path / "out", patterns=rows)


def test_the_style_draws_outlines_and_says_candidate(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run", places=[at(50, 50)], probability=[0.9])
    propose(run, rule=RULE, out=tmp_path / "out")
    style = pyogrio.read_dataframe(tmp_path / "out" / "candidates.gpkg", layer="layer_styles")["styleQML"][0]
    assert style.count('label="candidate ') == 2
    assert '<prop k="style" v="no"' in style
    assert "255,0,0" not in style
    assert "244,167,24" not in style


@settings(max_examples=25, deadline=None)
@given(
    seen=st.lists(st.tuples(st.floats(1, 299), st.floats(1, 299), st.booleans()), min_size=1, max_size=12),
    cell_m=st.sampled_from([5.0, 10.0]),
)
@example(seen=[(270.0, 251.0, False), (299.0, 241.0, True)], cell_m=5.0)  # the cut leaves less than a square metre
@example(seen=[(1.0, 1.0, False), (30.0, 1.0, True)], cell_m=5.0)  # a cut on a grid of 1 mm opens a gap
@example(  # a point less of what was cut, and edges lap over
    seen=[(145.0, 230.0, True), (147.0, 161.0, False), (179.0, 97.0, False), (256.0, 140.0, True)], cell_m=10.0
)
@example(seen=[(25.0, 50.0, True), (25.0, 97.0, True)], cell_m=5.0)  # a simplified ring is off where it begins
def test_whatever_was_seen_polygons_pass_the_checks_and_hold_their_evidence(
    tmp_path_factory: pytest.TempPathFactory, seen: list[tuple[float, float, bool]], cell_m: float
) -> None:
    folder = tmp_path_factory.mktemp("drawn")
    places = [at(x, y) for x, y, _ in seen]
    verdict = ["confirmed" if sure else "" for _, _, sure in seen]
    run = finished_run(folder / "run", places=places, probability=[0.9] * len(seen), verdict=verdict)
    rule = load_config(CandidatesConfig, overrides=[f"cell_m={cell_m}"])
    propose(run, rule=rule, out=folder / "out")
    table = pyogrio.read_dataframe(folder / "out" / "candidates.gpkg", layer="candidates")
    assert check_features(list(table["candidate"]), table.geometry.to_numpy()) == ()
    everything = shapely.union_all(table.geometry.to_numpy()).buffer(1e-6)
    confirmed = shapely.union_all(table.geometry[table["kind"] == "candidate CHA"].to_numpy()).buffer(1e-6)
    for place, (_, _, sure) in zip(places, seen, strict=True):
        assert everything.contains(shapely.Point(place).buffer(25))
        assert not sure or confirmed.contains(shapely.Point(place).buffer(50))
    assert json.loads((folder / "out" / "candidates.json").read_text())["version"] == 1


def test_the_interval_of_several_hectares_is_what_simulation_says() -> None:
    """Sums of Gamma-Poisson numbers, of hectares with a find, and of both; the quantiles that simulation gives."""
    rng = np.random.default_rng(5)
    mean, shape = np.array([0.1] * 40 + [2.0] * 3), np.array([0.3] * 40 + [0.8] * 3)
    drawn = rng.poisson(rng.gamma(shape, mean / shape, (200_000, 43)))
    none = (1 + mean / shape) ** -shape
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
    told = interval(mean, none, low, high)
    truth = np.quantile(drawn.sum(axis=1), [0.05, 0.95])
    np.testing.assert_allclose(told, truth, atol=1)
    found = rng.random((200_000, 2)) < 0.9
    finds = found.sum(axis=1) + rng.poisson(0.2, 200_000)
    told = interval(np.array([1.0, 1.0]), np.full(2, 0.1 * np.exp(-0.1)), np.zeros(2), np.full(2, 2.0))
    np.testing.assert_allclose(told, np.quantile(finds, [0.05, 0.95]), atol=0)
    assert interval(np.array([3.0]), np.array([1e-9]), np.array([3.0]), np.array([3.0])) == (3, 3)
