"""Cover through a whole run: canopy counts as not searched, whoever cuts the picture how."""

import json
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine
from shapely import box

from survey.config import RunConfig
from survey.errors import ConfigError, ResumeError
from survey.pipeline import run
from survey.pipeline.sight import joined, split
from survey.values import COVERS, CoverCode

ORIGIN = (500_010.0, 4_400_090.0)
ROWS, COLS = 640, 800
CANOPY, GRASS = (slice(160, 480), slice(160, 560)), (slice(0, ROWS), slice(640, COLS))


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write soil with a copse in the middle and grass on the right, 1 cm."""
    rng = np.random.default_rng(0)

    def relief(size: int) -> NDArray[np.float64]:
        coarse = rng.standard_normal((ROWS // size + 1, COLS // size + 1))
        return np.asarray(np.kron(coarse, np.ones((size, size)))[:ROWS, :COLS, None], np.float64)

    picture = np.array((160, 138, 112)) * (1 + 0.06 * relief(4))
    picture[GRASS] = (np.array((92, 128, 66)) * (1 + 0.08 * relief(4)))[GRASS]
    picture[CANOPY] = (np.array((92, 128, 66)) * (1 + 0.4 * relief(16)))[CANOPY]
    path = tmp_path_factory.mktemp("flight") / "copse.tif"
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "height": ROWS, "width": COLS, "crs": "EPSG:32638"}
    with rasterio.open(path, "w", **profile, transform=Affine(0.01, 0, ORIGIN[0], 0, -0.01, ORIGIN[1])) as file:
        file.write(np.moveaxis(np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255), -1, 0).astype(np.uint8))
    return path


@pytest.fixture
def looking(config: RunConfig) -> RunConfig:
    return config.model_copy(update={"cover": "imagery"})


def ground(out: Path, name: str) -> NDArray[np.uint8]:
    """Return a raster of codes cut to the flight."""
    with rasterio.open(out / "products" / f"{name}.tif") as file:
        row, col = (round(v) for v in ((file.transform.f - ORIGIN[1]) / 0.1, (ORIGIN[0] - file.transform.c) / 0.1))
        return np.asarray(file.read(1)[row : row + ROWS // 10, col : col + COLS // 10])


def bands(out: Path) -> dict[str, NDArray[np.float64]]:
    with rasterio.open(out / "products" / "risk.tif") as file:
        return dict(zip(file.descriptions, file.read(masked=True).filled(np.nan), strict=True))


def test_canopy_is_not_searched_and_risk_there_stays_near_its_prior(
    tmp_path: Path, flight: Path, looking: RunConfig, config: RunConfig
) -> None:
    blind = {"candidate_threshold": 0.999999}
    seen = run([flight], tmp_path / "seen", config=looking.model_copy(update=blind))
    all_open = run([flight], tmp_path / "open", config=config.model_copy(update=blind))
    copse_ha = 3.2 * 4.0 / 1e4
    areas = seen.summary["area_ha"]
    assert areas["cover"]["canopy"] == pytest.approx(copse_ha, rel=0.25)  # its edges are half light
    hidden = areas["cover"]["canopy"] + areas["cover"]["deep_shadow"]
    assert areas["searched"] == pytest.approx(areas["flown"] - hidden, rel=0.02)
    assert all_open.summary["area_ha"]["searched"] == areas["flown"]
    assert all_open.summary["area_ha"]["cover"] is None
    cover, disturbance = ground(tmp_path / "seen", "cover"), ground(tmp_path / "seen", "disturbance")
    inner = cover[22:42, 22:50]
    assert np.mean(inner == CoverCode.CANOPY) > 0.9
    assert not np.any((disturbance == 1) & (cover == CoverCode.CANOPY))
    assert np.mean(cover[:, 70:] == CoverCode.LOW_VEGETATION) > 0.9
    assert not ground(tmp_path / "open", "cover").any()
    known, before = bands(tmp_path / "seen"), bands(tmp_path / "open")
    covers = sum(known[f"cover_{name}"] for name in COVERS)
    assert np.nansum(covers) == pytest.approx(areas["flown"], rel=1e-5)
    assert np.nansum(known["effective_search"]) < 0.85 * np.nansum(before["effective_search"])
    assert np.nanmax(known["search_change"] - before["search_change"]) > 0  # less was taken from the prior
    assert np.isnan(before["cover_open"]).all()
    outline = pyogrio.read_dataframe(tmp_path / "seen" / "products" / "detections.gpkg", layer="searched_area")
    under_trees = outline[outline["reason"].str.startswith("trees")]
    assert under_trees["area_ha"].sum() == pytest.approx(copse_ha, rel=0.3)


def test_tiles_and_workers_see_the_same(tmp_path: Path, flight: Path, looking: RunConfig) -> None:
    """Byte for byte in the raster of cover; the network's own figures may differ in their last digits."""
    first = run([flight], tmp_path / "a", config=looking)
    other = run([flight], tmp_path / "b", config=looking.model_copy(update={"core_px": 512}))
    assert np.array_equal(ground(tmp_path / "a", "cover"), ground(tmp_path / "b", "cover"))
    assert first.summary["images"][0]["blur_px"] == other.summary["images"][0]["blur_px"]
    assert first.summary["area_ha"]["cover"] == other.summary["area_ha"]["cover"]


def test_a_layer_wins_and_names_the_run(tmp_path: Path, flight: Path, looking: RunConfig, config: RunConfig) -> None:
    x, y = ORIGIN
    wet = geopandas.GeoDataFrame(
        {"cover": ["water", "open"]},
        geometry=[box(x, y - 1, x + 1, y), box(x + 1.6, y - 4.8, x + 5.6, y - 2)],
        crs="EPSG:32638",
    )
    wet.to_file(tmp_path / "known.gpkg")
    result = run([flight], tmp_path / "out", config=looking, cover=tmp_path / "known.gpkg")
    cover = ground(tmp_path / "out", "cover")
    assert (cover[:10, :10] == CoverCode.WATER).all()
    assert (cover[20:48, 16:56] == CoverCode.OPEN).all()
    assert result.summary["area_ha"]["cover"]["water"] == pytest.approx(1 / 1e4)
    manifest = json.loads((tmp_path / "out" / "products" / "MANIFEST.json").read_text())
    assert "known.gpkg (cover)" in manifest["inputs"]
    with pytest.raises(ResumeError, match="cover_layer"):
        run([flight], tmp_path / "out", config=looking)
    with pytest.raises(ConfigError, match="ignore"):
        run([flight], tmp_path / "no", config=config, cover=tmp_path / "known.gpkg")


def test_codes_come_apart_as_they_were_joined() -> None:
    codes, cover = np.meshgrid(np.array([0, 1, 2, 3, 4, 255], np.uint8), np.arange(6, dtype=np.uint8))
    found, under = split(joined(codes, cover))
    assert np.array_equal(found, codes)
    assert np.array_equal(under[codes > 0], cover[codes > 0])
    assert not under[codes == 0].any()
