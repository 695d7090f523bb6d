"""`survey info`."""

from collections.abc import Callable
from pathlib import Path

import geopandas
import pytest
import shapely

from survey.config import RunConfig
from survey.pipeline import describe

ORIGIN = (500_050.0, 4_400_030.0)
"""North-west corner of the flights."""


def test_tells_scale_area_validity_and_work(flight: Callable[..., Path], config: RunConfig) -> None:
    (info,) = describe([flight()], config=config)
    assert info.gsd_m == pytest.approx((0.01, 0.01), rel=1e-3)
    assert info.flown_ha == pytest.approx((700 * 900 - 233 * 225) * 1e-8, rel=0.02)
    assert (info.blocks, info.tiles) == (3, 12)
    assert info.seconds > 0
    assert "about 0.0058 ha imaged" in str(info)
    text = str(info)
    for words in ("UTM zone 38N", "700 x 900 px", "mask band", "12 tiles"):
        assert words in text


def test_counts_the_work_inside_the_aoi(flight: Callable[..., Path], config: RunConfig, tmp_path: Path) -> None:
    aoi = tmp_path / "aoi.gpkg"
    corner = shapely.box(ORIGIN[0] + 7.5, ORIGIN[1] - 1, ORIGIN[0] + 8.5, ORIGIN[1] - 0.5)
    geopandas.GeoDataFrame(geometry=[corner], crs="EPSG:32638").to_file(aoi)
    (info,) = describe([flight()], config=config, aoi=aoi)
    assert (info.blocks, info.tiles) == (1, 2)


def test_says_what_is_wrong_with_coarse_imagery(flight: Callable[..., Path], config: RunConfig) -> None:
    (info,) = describe([flight(gsd_m=0.2)], config=config)
    assert info.seconds == 0
    assert any("coarser" in warning for warning in info.warnings)
