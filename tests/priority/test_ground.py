import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from survey.errors import ConfigError, GeoreferenceError, InputError, SurveyError
from survey.priority import load_priority
from survey.priority.extent import grid_of
from survey.priority.ground import Ground, State, load_ground
from tests.priority.district import CRS, NORTH, WEST, write_raster, write_risk, write_settings

ITEMS = np.array([[0.02, 2.0, np.nan], [0.5, np.nan, 0.01]])
SEARCHED = np.array([[1.0, 0.8, np.nan], [0.0, np.nan, 0.9]])


def load(tmp_path: Path, source: Path, *, area: Any = None, **changes: Any) -> Ground:
    config = load_priority(write_settings(tmp_path / "priority.yaml", **changes))
    raster = source / "products" / "risk.tif" if source.is_dir() else source
    return load_ground(source, config, area=area, grid=grid_of(raster))


def test_hectares_that_nobody_flew_enter_with_the_prior(tmp_path: Path) -> None:
    ground = load(tmp_path, write_risk(tmp_path / "risk.tif", ITEMS, SEARCHED))
    assert ground.state.tolist() == [
        [State.SEARCHED, State.SEARCHED, State.NOT_FLOWN],
        [State.NOT_SEARCHED, State.NOT_FLOWN, State.SEARCHED],
    ]
    assert ground.items[0, 2] == ground.items[1, 1] == 0.5
    draws = np.random.default_rng(1).poisson(np.random.default_rng(2).gamma(0.5, 0.5 / 0.5, 200_000))
    assert ground.p[0, 2] == pytest.approx((draws > 0).mean(), abs=0.005)
    assert ground.items[1, 0] == 0.5  # flown, not searched: as the risk says, which is the prior


def test_hectares_that_nobody_flew_can_be_left_out_and_are_then_counted(tmp_path: Path) -> None:
    ground = load(tmp_path, write_risk(tmp_path / "risk.tif", ITEMS, SEARCHED), not_flown="leave_out")
    assert ground.left_out == 2
    assert ground.inside.sum() == 4


def test_outside_the_area_nothing_is_planned(tmp_path: Path) -> None:
    area = np.array([[True, False, True], [False, False, False]])
    ground = load(tmp_path, write_risk(tmp_path / "risk.tif", ITEMS, SEARCHED), area=area)
    assert (ground.inside == area).all()
    with pytest.raises(InputError, match="no hectare is left"):
        load(tmp_path, tmp_path / "risk.tif", area=np.zeros((2, 3), bool))


def test_a_runs_own_prior_is_taken(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "products").mkdir(parents=True)
    write_risk(run / "products" / "risk.tif", ITEMS, SEARCHED)
    config = {"prior_items_per_ha": 0.25, "prior_shape": 0.4}
    (run / "run.json").write_text(json.dumps({"identity": {"config": config}}))
    ground = load(tmp_path, run, prior_items_per_ha=None, prior_shape=None)
    assert ground.items[0, 2] == 0.25
    (run / "run.json").write_text("{}")
    with pytest.raises(ConfigError, match="states no prior"):
        load(tmp_path, run, prior_items_per_ha=None, prior_shape=None)


def test_a_runs_risk_raster_is_read_as_it_is_written(tmp_path: Path) -> None:
    from survey.export import write_risk as export_risk
    from survey.values import RISK_BANDS, HectareGrid, Risk

    grid = HectareGrid(CRS, WEST, NORTH, 2, 3)
    bands = {name: np.full((2, 3), 0.5, np.float32) for name in RISK_BANDS}
    bands |= {"expected_items": ITEMS.astype(np.float32), "searched_fraction": SEARCHED.astype(np.float32)}
    bands["p_at_least_one"] = np.where(np.isnan(ITEMS), np.nan, bands["p_at_least_one"]).astype(np.float32)
    export_risk(tmp_path / "risk.tif", risk=Risk(grid, **bands), tags={})
    ground = load(tmp_path, tmp_path / "risk.tif", prior_items_per_ha=0.7)
    assert ground.grid == grid
    np.testing.assert_allclose(ground.items, np.where(np.isnan(ITEMS), 0.7, ITEMS), rtol=1e-6)
    assert (ground.state[np.isnan(ITEMS)] == State.NOT_FLOWN).all()


def test_unknown_ground_without_a_prior_is_an_error_and_not_low_risk(tmp_path: Path) -> None:
    path = write_risk(tmp_path / "risk.tif", ITEMS, SEARCHED)
    with pytest.raises(ConfigError, match="2 hectares were not flown; set prior_items_per_ha"):
        load(tmp_path, path, prior_items_per_ha=None)


@pytest.mark.parametrize(
    ("items", "p", "says"),
    [
        (-1.0, 0.5, "expected_items is -1 in row 0, column 1"),
        (1.0, 1.5, "p_at_least_one is 1.5 in row 0, column 1"),
        (np.inf, 0.5, "expected_items is inf in row 0, column 1"),
        (np.nan, 0.5, r"1 hectares have p_at_least_one and no expected_items \(first in row 0, column 1\)"),
        (1.0, np.nan, r"1 hectares have expected_items and no p_at_least_one \(first in row 0, column 1\)"),
    ],
)
def test_impossible_risk_is_refused_with_its_place(tmp_path: Path, items: float, p: float, says: str) -> None:
    bands = {"expected_items": np.array([[1.0, items]]), "p_at_least_one": np.array([[0.5, p]])}
    path = write_raster(tmp_path / "risk.tif", bands)
    with pytest.raises(InputError, match=says):
        load_without_search(tmp_path, path)


def test_more_than_a_whole_hectare_is_not_searched(tmp_path: Path) -> None:
    path = write_risk(tmp_path / "risk.tif", np.ones((1, 2)), np.array([[1.0, 80.0]]))
    with pytest.raises(InputError, match="searched_fraction is 80 in row 0, column 1; expected 0 to 1"):
        load(tmp_path, path)


def load_without_search(tmp_path: Path, path: Path) -> Ground:
    settings = write_settings(tmp_path / "priority.yaml")
    settings.write_text(settings.read_text() + "searched_band: null\n")
    return load_ground(path, load_priority(settings), area=None, grid=grid_of(path))


def test_a_raster_need_not_say_what_was_searched(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "r.tif", {"expected_items": np.ones((1, 2)), "p_at_least_one": np.ones((1, 2))})
    assert np.isnan(load_without_search(tmp_path, path).searched).all()


def test_a_band_that_is_missing_is_named_with_the_nearest(tmp_path: Path) -> None:
    path = write_risk(tmp_path / "risk.tif", ITEMS, SEARCHED)
    with pytest.raises(InputError, match="'expected_item' – did you mean 'expected_items'"):
        load(tmp_path, path, items_band="expected_item")


@pytest.mark.parametrize(
    ("crs", "cell", "west", "says"),
    [
        (None, 100, WEST, "no projected CRS in metres"),
        ("EPSG:4326", 100, WEST, "no projected CRS in metres"),
        (CRS, 50, WEST, "not hectares"),
        (CRS, 100, WEST + 30, "not hectares"),
    ],
)
def test_cells_have_to_be_hectares_of_the_common_grid(
    tmp_path: Path, crs: str | None, cell: int, west: int, says: str
) -> None:
    profile = {"driver": "GTiff", "count": 1, "height": 2, "width": 2, "dtype": "float32", "crs": crs}
    with rasterio.open(tmp_path / "r.tif", "w", **profile, transform=from_origin(west, NORTH, cell, cell)) as dataset:
        dataset.write(np.ones((1, 2, 2), np.float32))
    with pytest.raises(GeoreferenceError, match=says):
        grid_of(tmp_path / "r.tif")


def test_a_file_that_is_no_raster_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.tif").write_text("no")
    with pytest.raises(SurveyError, match="cannot be read as a raster"):
        grid_of(tmp_path / "r.tif")
