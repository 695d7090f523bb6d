"""risk.tif, judged by rasterio."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from rasterio.rio.main import main_group

from survey.export import write_risk
from survey.values import RISK_BANDS, HectareGrid, Risk


def a_risk(rows: int, cols: int, *, value: float = 0.5) -> Risk:
    grid = HectareGrid("EPSG:32638", 500_000, 4_400_000, rows, cols)
    return Risk(grid, *(np.full((rows, cols), value, np.float32) for _ in RISK_BANDS))


def test_values_and_place_come_back(products: Path, case: Any) -> None:
    with rasterio.open(products / "risk.tif") as file:
        assert file.crs.to_epsg() == 32638
        assert tuple(file.transform)[:6] == (100, 0, 500_000, 0, -100, 4_400_300)
        assert file.nodata == -9999
        assert file.dtypes == ("float32",) * 39
        assert file.descriptions == RISK_BANDS
        for number, name in enumerate(RISK_BANDS, start=1):
            expected = getattr(case.risk, name)
            stored = file.read(number)
            assert np.array_equal(stored == -9999, np.isnan(expected))
            assert np.array_equal(file.read(number, masked=True).filled(np.nan), expected, equal_nan=True)


def test_metadata_needs_no_guessing(products: Path, case: Any) -> None:
    with rasterio.open(products / "risk.tif") as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.tags()["AREA_OR_POINT"] == "Area"
        assert file.tags()["run_id"] == "r1"
        units = dict(zip(file.descriptions, file.units, strict=True))
        assert (
            units.items()
            >= {
                "p_at_least_one": "probability",
                "p_unseen": "probability",
                "expected_items": "per hectare",
                "q05": "per hectare",
                "q95": "per hectare",
                "searched_fraction": "share",
                "detections": "count",
                "disturbance_fraction": "share",
                "p_unseen_submunition": "probability",
                "q95_at": "per hectare",
            }.items()
        )
        meanings = [file.tags(number)["MEANING"] for number in file.indexes]
        assert len(set(meanings)) == len(RISK_BANDS)
        assert meanings[RISK_BANDS.index("q05_ap")].endswith("anti-personnel mines only")
        known = case.risk.p_unseen[np.isfinite(case.risk.p_unseen)].astype(float)
        tags = file.tags(2)
        assert float(tags["STATISTICS_MAXIMUM"]) == known.max()
        assert float(tags["STATISTICS_MEAN"]) == pytest.approx(known.mean())
        assert float(tags["STATISTICS_VALID_PERCENT"]) == 50


def test_rio_info_reads_it(products: Path) -> None:
    result = CliRunner().invoke(main_group, ["info", str(products / "risk.tif")])
    info = json.loads(result.output)
    assert info["crs"] == "EPSG:32638"
    assert info["nodata"] == -9999
    assert info["descriptions"] == list(RISK_BANDS)


@pytest.mark.parametrize(("shape", "overviews"), [((3, 4), 1), ((300, 5), 2), ((1, 6), 0), ((1, 1), 0)])
def test_overviews_whatever_the_shape(tmp_path: Path, shape: tuple[int, int], overviews: int) -> None:
    write_risk(tmp_path / "risk.tif", risk=a_risk(*shape), tags={})
    with rasterio.open(tmp_path / "risk.tif") as file:
        assert len(file.overviews(1)) == overviews
        assert (file.read(1) == 0.5).all()


def test_overviews_leave_nodata_out_of_the_mean(tmp_path: Path) -> None:
    risk = a_risk(3, 3)
    risk.p_at_least_one[0, 0] = np.nan
    write_risk(tmp_path / "risk.tif", risk=risk, tags={})
    with rasterio.open(tmp_path / "risk.tif", overview_level=0) as file:
        assert (file.read(1) == 0.5).all()


def test_a_survey_that_flew_nothing_is_all_nodata(tmp_path: Path) -> None:
    write_risk(tmp_path / "risk.tif", risk=a_risk(2, 2, value=np.nan), tags={})
    with rasterio.open(tmp_path / "risk.tif") as file:
        assert (file.read() == -9999).all()
        assert "STATISTICS_MEAN" not in file.tags(1)
