"""A raster of probability as a layer: on its own cells, on others, and where it says nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
import yaml
from affine import Affine
from numpy.typing import NDArray

from survey.errors import ConfigError, InputError
from survey.evidence import EvidenceConfig, Prior, evaluate, explain, load_evidence, run_evidence
from survey.evidence.gamma import surprise
from tests.evidence.conftest import CRS, GRID

ALIGNED = GRID.transform
LAYER = {
    "name": "learnt",
    "kind": "learnt_prior",
    "path": "learnt.tif",
    "source": "test",
    "date": 2010,
    "weight": 0.5,
    "items_per_ha": {"ap": 4.0},
    "shape": 0.7,
}
World = Callable[..., Path]


def write(path: Path, values: NDArray[np.float64], *, transform: Affine = ALIGNED, crs: str | None = CRS) -> None:
    """Write what `survey prior apply` writes."""
    profile = {"driver": "GTiff", "count": 3, "dtype": "float32", "nodata": -9999.0, "crs": crs}
    with rasterio.open(
        path, "w", height=values.shape[0], width=values.shape[1], transform=transform, **profile
    ) as dataset:
        dataset.write(np.stack([values, np.zeros_like(values), np.zeros_like(values)]).astype(np.float32))
        dataset.descriptions = ("p_contaminated", "features_beyond_training", "features_unknown")


@pytest.fixture
def learnt(world: World, tmp_path: Path) -> Callable[..., EvidenceConfig]:
    """Return a configuration with the raster's layer, and with others."""

    def load(*others: tuple[str, list[Any], dict[str, Any]], **keys: Any) -> EvidenceConfig:
        path = world(*others)
        content = yaml.safe_load(path.read_text())
        content["layers"].append({**LAYER, **keys})
        path.write_text(yaml.safe_dump(content))
        return load_evidence(tmp_path / "evidence.yaml")

    return load


def change(prior: Prior) -> NDArray[np.float32]:
    return prior.contributions["learnt"]["ap"]


def test_a_cell_is_contaminated_as_a_whole_or_not_at_all(learnt: Callable[..., EvidenceConfig], tmp_path: Path) -> None:
    p = np.random.default_rng(1).uniform(0, 1, GRID.shape)
    p[3, 4] = 0
    write(tmp_path / "learnt.tif", p)
    prior = evaluate(learnt(), GRID)
    assert change(prior) == pytest.approx(0.5 * p * 4, rel=1e-6)
    assert change(prior)[3, 4] == 0
    rng = np.random.default_rng(2)
    n = 400_000
    for row, col in ((0, 0), (15, 15)):
        density = rng.gamma(0.1, 0.1, n) + (rng.random(n) < 0.5 * p[row, col]) * rng.gamma(0.7, 4 / 0.7, n)
        some = -np.expm1(-surprise(float(prior.rate["ap"][row, col]), float(prior.shape["ap"][row, col])))
        assert float(some) == pytest.approx((rng.poisson(density) > 0).mean(), abs=0.004)
    assert not prior.contributions["learnt"]["at"].any()
    assert prior.evidence_class[15, 15] == 1
    assert (prior.reports["learnt"].rows, prior.reports["learnt"].used) == (1200, 1200)


@pytest.mark.parametrize(("edge_m", "off_m"), [(1000.0, 350.0), (20.0, 10.0), (100.0, 40.0)])
def test_a_raster_of_other_cells_is_averaged_by_area(
    learnt: Callable[..., EvidenceConfig], tmp_path: Path, edge_m: float, off_m: float
) -> None:
    transform = Affine(edge_m, 0, GRID.x_min - 1000 + off_m, 0, -edge_m, GRID.y_max + 1000 - off_m)
    rows, cols = int(5000 / edge_m) + 1, int(6000 / edge_m) + 1
    p = np.random.default_rng(3).uniform(0, 1, (rows, cols))
    write(tmp_path / "learnt.tif", p, transform=transform)
    # Oracle: places 10 m apart, none of which lies on an edge of a cell.
    x = GRID.x_min + 5 + 10 * np.arange(GRID.cols * 10)
    y = GRID.y_max - 5 - 10 * np.arange(GRID.rows * 10)
    col, row = ((x - transform.c) // edge_m).astype(int), ((transform.f - y) // edge_m).astype(int)
    fine = p[row][:, col].reshape(GRID.rows, 10, GRID.cols, 10).mean(axis=(1, 3))
    assert change(evaluate(learnt(), GRID)) == pytest.approx(0.5 * fine * 4, rel=1e-4)


def test_a_raster_in_another_crs_lies_where_it_lies(learnt: Callable[..., EvidenceConfig], tmp_path: Path) -> None:
    lon, lat = rasterio.warp.transform(CRS, "EPSG:4326", [501_050], [4_801_050])
    p = np.full((400, 400), 0.2)
    p[200, 200] = 1.0
    step = 0.002
    transform = Affine(step, 0, lon[0] - 200.5 * step, 0, -step, lat[0] + 200.5 * step)
    write(tmp_path / "learnt.tif", p, transform=transform, crs="EPSG:4326")
    added = change(evaluate(learnt(), GRID))
    assert added.argmax() == 19 * GRID.cols + 10
    assert added[19, 10] == pytest.approx(2.0, rel=0.05)
    assert added[0, 39] == pytest.approx(0.4, rel=1e-5)


def test_nodata_is_no_statement_and_what_is_no_probability_is_set_aside(
    learnt: Callable[..., EvidenceConfig], tmp_path: Path
) -> None:
    p = np.full((30, 40), 0.5)
    p[0, 0], p[0, 1], p[0, 2], p[0, 3] = -9999, np.nan, 1.7, -0.1
    write(tmp_path / "learnt.tif", p)
    prior = evaluate(learnt(), GRID)
    assert change(prior)[0, :5].tolist() == [0, 0, 0, 0, 1]
    report = prior.reports["learnt"]
    assert report.set_aside == {"without a value, which is no statement": 2, "that are no probability": 2}
    assert report.used + report.outside + sum(report.set_aside.values()) == report.rows == 1200
    # Of a hectare that the raster covers by half, the covered half may hold items.
    write(tmp_path / "learnt.tif", p, transform=ALIGNED * Affine.translation(5.5, 2))
    added = change(evaluate(learnt(), GRID))
    assert added[10, 4:7].tolist() == pytest.approx([0, 0.5, 1])
    assert not added[:2].any()
    write(tmp_path / "learnt.tif", p, transform=ALIGNED * Affine.translation(500, 500))
    far = evaluate(learnt(), GRID)
    assert not change(far).any()
    assert far.reports["learnt"].outside == 1200


def test_it_takes_its_place_in_the_order_of_dates(
    world: World, learnt: Callable[..., EvidenceConfig], tmp_path: Path
) -> None:
    write(tmp_path / "learnt.tif", np.full(GRID.shape, 0.5))
    whole = shapely.box(500_000, 4_800_000, 504_000, 4_803_000)
    for date, left in ((2005, 1.01), (2015, 0.101)):
        prior = evaluate(learnt(("earlier_clearance", [whole], {"date": date})), GRID)
        expected = left if date == 2015 else 0.001 + 1.0
        assert prior.rate["ap"][15, 15] == pytest.approx(expected, rel=1e-5)


def test_it_is_explained_and_what_is_wrong_is_named(learnt: Callable[..., EvidenceConfig], tmp_path: Path) -> None:
    write(tmp_path / "learnt.tif", np.full(GRID.shape, 0.5))
    learnt()
    run_evidence(tmp_path / "evidence.yaml", tmp_path / "out", grid=GRID)
    text = str(explain(501_050, 4_801_050, evidence=tmp_path / "out"))
    assert "learnt (learnt prior, test, 2010-12-31, indirect evidence) adds ap 1" in text
    with pytest.raises(ConfigError, match="has no band 'p', only p_contaminated, features"):
        evaluate(learnt(band="p"), GRID)
    assert change(evaluate(learnt(band=1), GRID))[0, 0] == 1
    with pytest.raises(InputError, match="cannot be read as a raster"):
        evaluate(learnt(path="none.tif"), GRID)
    write(tmp_path / "learnt.tif", np.ones((2, 2)), crs=None)
    with pytest.raises(InputError, match="has no CRS"):
        evaluate(learnt(), GRID)
    write(tmp_path / "learnt.tif", np.ones((2, 2)), transform=ALIGNED * Affine.rotation(10))
    with pytest.raises(InputError, match="not north up"):
        evaluate(learnt(), GRID)
