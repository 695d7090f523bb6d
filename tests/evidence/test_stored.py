"""The prior of a folder, for the cells of a run."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from survey.errors import InputError
from survey.evidence import StoredPrior, evaluate, load_evidence, run_evidence
from survey.risk import Prior
from survey.values import HectareGrid
from tests.evidence.conftest import CRS, GRID
from tests.evidence.test_evaluate import everything

PART = HectareGrid(CRS, 501_200, 4_802_500, 7, 11)
"""Rows 5 to 11, columns 12 to 22 of `GRID`."""


@pytest.fixture
def written(world: Callable[..., Path], tmp_path: Path) -> Path:
    run_evidence(world(*everything()), tmp_path / "out", grid=GRID)
    return tmp_path / "out"


def test_cells_of_a_run_have_the_prior_of_the_same_cells(written: Path, tmp_path: Path) -> None:
    whole = evaluate(load_evidence(tmp_path / "evidence.yaml"), GRID).field()
    field = StoredPrior.of(written).over(PART)
    inside = np.zeros(GRID.shape, bool)
    inside[5:12, 12:23] = True
    assert np.array_equal(field.shape, whole.shape[inside.ravel()])
    assert np.array_equal(field.rate_ha, whole.rate_ha[inside.ravel()])
    assert len(np.unique(field.rate_ha)) > 50
    assert np.array_equal(StoredPrior.of(written).over(GRID).shape, whole.shape)


def test_a_background_alone_is_the_prior_that_it_states(world: Callable[..., Path], tmp_path: Path) -> None:
    background = {g: {"items_per_ha": 0.02, "shape": 0.03} for g in ("ap", "at", "submunition", "uxo")}
    run_evidence(world(background=background), tmp_path / "out", grid=GRID)
    stored, stated = StoredPrior.of(tmp_path / "out").over(PART), Prior(0.08, 0.12).over(77)
    assert stored.shape == pytest.approx(stated.shape, rel=1e-4)
    assert stored.rate_ha == pytest.approx(stated.rate_ha, rel=1e-4)


@pytest.mark.parametrize(
    ("grid", "outside"),
    [
        (HectareGrid(CRS, 499_900, 4_803_100, 3, 3), 5),
        (HectareGrid(CRS, 503_900, 4_800_100, 2, 2), 3),
        (HectareGrid(CRS, 600_000, 4_803_000, 2, 4), 8),
    ],
)
def test_ground_beyond_the_evidence_is_refused_with_what_to_cover(
    written: Path, grid: HectareGrid, outside: int
) -> None:
    east, south = grid.x_min + 100 * grid.cols, grid.y_max - 100 * grid.rows
    bounds = f"--bounds {grid.x_min} {south} {east} {grid.y_max} --crs EPSG:32633"
    with pytest.raises(InputError, match=f"{outside} of the {grid.rows * grid.cols} cells .* {bounds}$"):
        StoredPrior.of(written).over(grid)


def test_another_crs_is_refused(written: Path) -> None:
    with pytest.raises(InputError, match=r"in EPSG:32633, those of the run in EPSG:32634.*output_crs=EPSG:32633"):
        StoredPrior.of(written).over(replace(PART, crs="EPSG:32634"))


def test_a_folder_that_is_not_whole_is_refused(written: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name a folder written by"):
        StoredPrior.of(tmp_path)
    content = (written / "prior.tif").read_bytes()
    (written / "prior.tif").write_bytes(content[:-1])
    with pytest.raises(InputError, match=r"prior\.tif: is missing or was changed"):
        StoredPrior.of(written)
    (written / "prior.tif").write_bytes(content)
    record = json.loads((written / "evidence.json").read_text())
    record["grid"]["x_min"] += 100
    (written / "evidence.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"does not lie on the grid"):
        StoredPrior.of(written).over(PART)
    (written / "MANIFEST.json").unlink()
    with pytest.raises(InputError, match="is missing: the run did not finish"):
        StoredPrior.of(written)
