import tracemalloc
from itertools import islice
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
from rasterio.features import geometry_mask

from survey.errors import ConfigError
from survey.simulate import ITEMS, SimulatedFlight, simulate_flight
from survey.simulate.flight import _staged, blocks_of, drawn_blocks
from survey.simulate.scene import plan_scene
from survey.simulate.terrain import BLOCK
from survey.values import DISTURBANCES

AREA_HA, GSD_M = 0.3, 0.04


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> SimulatedFlight:
    return simulate_flight(tmp_path_factory.mktemp("flight"), seed=5, area_ha=AREA_HA, gsd_m=GSD_M)


def test_the_image_is_where_and_as_fine_as_it_says(flight: SimulatedFlight) -> None:
    with rasterio.open(flight.image) as file:
        assert file.crs.to_epsg() == 32638
        assert file.transform == flight.transform
        assert file.res == (GSD_M, GSD_M)
        assert file.shape == flight.shape
        assert file.count == 3
        assert file.profile["tiled"]
        lon, lat = rasterio.warp.transform(file.crs, 4326, [file.transform.c], [file.transform.f])
        assert 47 < lon[0] < 48
        assert 39 < lat[0] < 41


def test_the_flown_area_is_as_large_as_asked_and_irregular(flight: SimulatedFlight) -> None:
    with rasterio.open(flight.image) as file:
        valid = file.dataset_mask() > 0
        pixels = file.read()
    area = valid.sum() * GSD_M**2 / 1e4
    assert AREA_HA <= area < 1.03 * AREA_HA
    assert area == pytest.approx(flight.area_ha)
    assert 0.5 < valid.mean() < 0.95
    assert pixels[:, valid].mean() > 60
    assert pixels[:, ~valid].mean() < 3


def test_every_true_item_lies_on_valid_pixels_and_shows(flight: SimulatedFlight) -> None:
    assert len(flight.items) >= len(flight.items.kinds) > 5
    with rasterio.open(flight.image) as file:
        valid = file.dataset_mask() > 0
        row, col = rasterio.transform.rowcol(file.transform, flight.items.x, flight.items.y)
    assert valid[row, col].all()
    assert set(flight.items.kinds) <= set(ITEMS)
    assert (flight.items.visible > 0.2).all()
    assert (flight.items.visible <= 1).all()


def test_true_disturbances_lie_inside_the_flown_area(flight: SimulatedFlight) -> None:
    assert set(flight.disturbances.kinds) <= set(DISTURBANCES)
    assert len(flight.disturbances) > 0
    with rasterio.open(flight.image) as file:
        valid = file.dataset_mask() > 0
        disturbed = ~geometry_mask(flight.disturbances.areas, file.shape, file.transform)
    assert disturbed.any()
    assert (disturbed & ~valid).sum() <= 0.01 * disturbed.sum()


def test_the_truth_on_disk_is_the_truth_returned(flight: SimulatedFlight) -> None:
    items = geopandas.read_file(flight.truth, layer="items")
    assert items.crs.to_epsg() == 32638
    assert items["kind"].tolist() == list(flight.items.kinds)
    assert items["class"].tolist() == list(flight.items.class_names)
    assert np.allclose(items.geometry.x, flight.items.x)
    assert np.allclose(items.geometry.y, flight.items.y)
    areas = geopandas.read_file(flight.truth, layer="disturbances")
    assert areas["class"].tolist() == list(flight.disturbances.kinds)
    assert np.allclose(areas.area, [area.area for area in flight.disturbances.areas])


def test_the_same_seed_gives_the_same_flight(flight: SimulatedFlight, tmp_path: Path) -> None:
    again = simulate_flight(tmp_path, seed=5, area_ha=AREA_HA, gsd_m=GSD_M)
    assert again.image.read_bytes() == flight.image.read_bytes()
    assert np.array_equal(again.items.x, flight.items.x)
    assert again.items.kinds == flight.items.kinds


def test_a_flight_of_full_size_holds_all_kinds_and_a_row_of_mines() -> None:
    scene = plan_scene(area_ha=4.2, rng=np.random.default_rng(1))
    assert {item.kind for item in scene.items} == set(ITEMS)
    assert {placed.disturbance.kind for placed in scene.disturbances} == set(DISTURBANCES)
    row = scene.items[:9]
    assert len({item.kind for item in row}) == 1
    points = np.array([(item.y, item.x) for item in row])
    assert np.linalg.svd(points - points.mean(axis=0))[1][1] < 0.8
    assert 4.2 <= scene.outline.area / 1e4 < 4.3


def test_blocks_cover_each_pixel_once() -> None:
    count = np.zeros((1100, 700), int)
    for window in blocks_of(count.shape):
        count[window.slices()] += 1
        assert window.row % BLOCK == 0
        assert window.col % BLOCK == 0
    assert (count == 1).all()


def test_drawing_holds_one_block_at_a_time() -> None:
    """Memory must not grow with the number of blocks drawn, once the terrain's bounded caches are warm."""
    rng = np.random.default_rng(2)
    stage = _staged(plan_scene(area_ha=0.2, rng=rng), seed=2, gsd_m=0.02, rng=rng)
    block_bytes = BLOCK * BLOCK * 3
    blocks = drawn_blocks(stage)
    assert iter(blocks) is blocks
    assert sum(1 for _ in islice(blocks, 10)) == 10
    tracemalloc.start()
    start = tracemalloc.get_traced_memory()[0]
    for window, pixels in islice(drawn_blocks(stage), 10):
        assert pixels.shape == (window.height, window.width, 3)
        assert pixels.size <= block_bytes
    kept = tracemalloc.get_traced_memory()[0] - start
    tracemalloc.stop()
    assert kept < 2 * block_bytes


def test_impossible_wishes_are_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"0\.02 ha"):
        simulate_flight(tmp_path, seed=0, area_ha=0.001)
    with pytest.raises(ConfigError, match="GSD"):
        simulate_flight(tmp_path, seed=0, gsd_m=0)
    assert list(tmp_path.iterdir()) == []
