from pathlib import Path

import pyogrio
import pytest
import shapely

from survey.errors import InputError
from survey.review import Kind, ReviewStore, Status
from survey.review.handover import take_in_decisions, write_decisions
from tests.review.opinions import CRS, opinion

TILE = "tile-10-E500050-N4400030"


def reviewed(folder: Path) -> Path:
    folder.mkdir()
    with ReviewStore(folder) as store:
        store.add(opinion("d1", note="<b>"))
        store.add(opinion("d2", Status.REJECTED, x=500_051))
        store.add(opinion("d3", Status.RELABELLED, label="at_mine", size_m=0.3, x=500_052))
        store.add(opinion("d4", Status.UNSURE, x=500_053))
        store.add(opinion("item-1", Status.MISSED_ITEM, kind=Kind.MISSED, label="submunition", x=500_054))
        box = shapely.box(500_050, 4_400_030, 500_060, 4_400_040).wkt
        tile = {"kind": Kind.TILE, "label": None, "size_m": None, "geometry": box}
        store.add(opinion(TILE, Status.TILE_REVIEWED, **tile))
        store.add(opinion("tile-10-E0-N0", Status.UNSURE, **tile))
        store.take_back(store.add(opinion("d5")).uid, reviewer="Aygun")
    return folder


def test_decisions_become_layers_to_train_on(tmp_path: Path) -> None:
    run = reviewed(tmp_path / "run")
    told = write_decisions(run, tmp_path / "out.gpkg")
    assert told.endswith("3 items, 1 hard negatives, 1 unresolved, 1 reviewed tiles")
    items = pyogrio.read_dataframe(tmp_path / "out.gpkg", layer="items").set_index("subject")
    assert items.crs.to_string() == CRS
    assert items["class"].to_dict() == {"d1": "ap_mine", "d3": "at_mine", "item-1": "submunition"}
    assert items.loc["d3", "size_m"] == 0.3
    assert items.loc["d1", ["reviewers", "note", "run_id"]].tolist() == ["Aygun", "<b>", "r1"]
    assert items.geometry.x.to_dict()["item-1"] == 500_054
    negatives = pyogrio.read_dataframe(tmp_path / "out.gpkg", layer="hard_negatives")
    assert negatives["subject"].tolist() == ["d2"]
    tiles = pyogrio.read_dataframe(tmp_path / "out.gpkg", layer="reviewed_tiles")
    assert tiles["tile"].tolist() == [TILE]
    assert tiles.geometry.area.tolist() == [100]
    assert (tmp_path / "out.gpkg").stat().st_mode & 0o077 == 0


def test_decisions_of_another_zone_come_along_and_the_layers_stay_in_the_runs_own(tmp_path: Path) -> None:
    run = reviewed(tmp_path / "run")
    with ReviewStore(run) as store:
        store.add(opinion("a0", x=1_030_000, y=4_420_000, crs="EPSG:32637"))
        box = shapely.box(1_030_000, 4_420_000, 1_030_010, 4_420_010).wkt
        tile = {"kind": Kind.TILE, "label": None, "size_m": None, "geometry": box}
        store.add(opinion("a-tile", Status.TILE_REVIEWED, x=1_030_005, y=4_420_005, crs="EPSG:32637", **tile))
    told = write_decisions(run, tmp_path / "out.gpkg")
    assert told.endswith("4 items, 1 hard negatives, 1 unresolved, 2 reviewed tiles")
    tiles = pyogrio.read_dataframe(tmp_path / "out.gpkg", layer="reviewed_tiles").set_index("tile")
    assert tiles.crs.to_string() == CRS
    assert tiles.geometry["a-tile"].area == pytest.approx(100, rel=0.01)
    items = pyogrio.read_dataframe(tmp_path / "out.gpkg", layer="items").set_index("subject")
    assert items.geometry["a0"].distance(tiles.geometry["a-tile"]) < 0.01


def test_the_same_decisions_are_the_same_bytes(tmp_path: Path) -> None:
    run = reviewed(tmp_path / "run")
    for name in ("a", "b"):
        write_decisions(run, tmp_path / f"{name}.gpkg")
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()


def test_another_runs_decisions_are_taken_in_once(tmp_path: Path) -> None:
    other, run = reviewed(tmp_path / "other"), tmp_path / "run"
    run.mkdir()
    assert "took in 9 of 9" in take_in_decisions(run, other)
    assert "took in 0 of 9" in take_in_decisions(run, other)
    with ReviewStore(run) as store, ReviewStore(other) as source:
        assert store.decisions() == source.decisions()


def test_without_decisions_there_is_nothing_to_hand_on(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="survey review"):
        write_decisions(tmp_path, tmp_path / "out.gpkg")
    with pytest.raises(InputError, match="was reviewed"):
        take_in_decisions(tmp_path, tmp_path)
    ReviewStore(tmp_path).close()
    with pytest.raises(InputError, match="no decision stands"):
        write_decisions(tmp_path, tmp_path / "out.gpkg")
