"""A run whose prior is what `survey evidence` wrote, from the layers to the products."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import yaml
from numpy.typing import NDArray
from shapely import box

from survey import cli
from survey.config import RunConfig, load_config
from survey.errors import InputError, ResumeError
from survey.evidence import GROUPS, grid_from, run_evidence
from survey.export import verify_manifest
from survey.pipeline import run
from survey.values import RISK_BANDS

CRS = "EPSG:32638"
AREA = (499_000.0, 4_399_500.0, 501_000.0, 4_400_500.0)
Flight = Callable[..., Path]


def believe(folder: Path, name: str, *, items: float = 4.0, area: Any = AREA, crs: str = CRS) -> Path:
    """Write evidence of a minefield over the flights' first cell and of what lies around it."""
    folder.mkdir(exist_ok=True)
    geopandas.GeoDataFrame(geometry=[box(500_000, 4_400_000, 500_100, 4_400_100)], crs=CRS).to_file(folder / "a.gpkg")
    polygon = {
        "name": "suspected",
        "kind": "expert_polygons",
        "path": "a.gpkg",
        "source": "test",
        "date": 2000,
        "weight": 0.3,
        "location_error_m": 0,
        "items_per_ha": {"ap": items},
        "shape": 1.0,
        "half_distance_m": 200,
    }
    content = {
        "version": 1,
        "standard": "test",
        "background": {g: {"items_per_ha": 0.004 * n, "shape": 0.02} for n, g in enumerate(GROUPS, 1)},
        "classes": dict.fromkeys(
            ("minefield_records", "accidents", "craters", "confrontation_lines", "trenches", "expert_polygons"),
            "direct",
        ),
        "direct_reliability": 0.75,
        "notable_items_per_ha": 0.05,
        "used_land_leaves": 0.05,
        "layers": [polygon],
    }
    (folder / "evidence.yaml").write_text(yaml.safe_dump(content))
    run_evidence(folder / "evidence.yaml", folder / name, grid=grid_from(bounds=area, crs=crs))
    return folder / name


def bands(out: Path) -> dict[str, NDArray[np.float32]]:
    with rasterio.open(out / "products" / "risk.tif") as risk:
        return dict(zip(risk.descriptions, risk.read(masked=True), strict=True))


def test_the_prior_of_each_cell_is_that_of_the_evidence(tmp_path: Path, flight: Flight, config: RunConfig) -> None:
    evidence = believe(tmp_path / "e", "prior")
    blind = config.model_copy(update={"candidate_threshold": 0.999999, "evidence": str(evidence)})
    result = run([flight("a.tif"), flight("b.tif", shift_m=300)], tmp_path / "out", config=blind)
    risk = bands(tmp_path / "out")
    with rasterio.open(evidence / "prior.tif") as file:
        window = rasterio.windows.Window(10, 4, 4, 1)
        prior = dict(zip(file.descriptions, file.read(window=window).astype(float), strict=True))
    flown = ~risk["prior_items"].mask
    assert flown.tolist() == [[True, False, False, True]]
    expected = sum(prior[f"rate_{g}"] for g in GROUPS)
    assert expected[0, 0] > 1.2
    assert 0.1 < expected[0, 3] < 0.6
    assert np.asarray(risk["prior_items"][flown]) == pytest.approx(expected[flown], rel=1e-6)
    nothing = np.prod([(1 + prior[f"rate_{g}"] / prior[f"shape_{g}"]) ** -prior[f"shape_{g}"] for g in GROUPS], axis=0)
    assert np.asarray(risk["p_at_least_one"][flown]) == pytest.approx(
        1 - nothing[flown], rel=0.01
    )  # 0.6 % of it was searched
    facts = result.summary["prior"]
    record = json.loads((evidence / "evidence.json").read_text())
    assert facts["evidence_id"] == record["id"]
    assert facts["expected_items"] == pytest.approx(expected[flown].sum(), rel=1e-6)
    manifest = json.loads((tmp_path / "out" / "products" / "MANIFEST.json").read_text())
    assert manifest["inputs"]["evidence/prior.tif"] == facts["prior_sha256"]
    assert verify_manifest(tmp_path / "out" / "products") == ()
    with rasterio.open(tmp_path / "out" / "products" / "risk.tif") as file:
        assert file.tags()["SURVEY_EVIDENCE_ID"] == record["id"]
        assert file.descriptions == RISK_BANDS


def test_evidence_decides_by_its_content(tmp_path: Path, flight: Flight, config: RunConfig) -> None:
    image, out = flight(), tmp_path / "out"
    first = config.model_copy(update={"evidence": str(believe(tmp_path / "e", "prior"))})
    run([image], out, config=first)
    identity = json.loads((out / "run.json").read_text())["identity"]["config"]
    assert len(identity["evidence"]) == 64
    assert not {"prior_items_per_ha", "prior_shape", "prior_shares"} & identity.keys()
    moved = shutil.copytree(tmp_path / "e" / "prior", tmp_path / "moved")
    elsewhere = config.model_copy(update={"evidence": str(moved), "prior_items_per_ha": 3.0, "prior_shape": 9.0})
    run([image], out, config=elsewhere)  # the same evidence in another folder, and keys that say nothing: the same run
    other = config.model_copy(update={"evidence": str(believe(tmp_path / "g", "prior", items=5.0))})
    for changed in (other, config):
        with pytest.raises(ResumeError, match="evidence: "):
            run([image], out, config=changed)
    assert "evidence" not in config.deciding()  # a run without evidence keeps the name that it had


@pytest.mark.parametrize(
    ("area", "crs", "said"),
    [
        ((499_000, 4_399_500, 500_100, 4_400_500), CRS, "3 of the 4 cells .*--bounds 500000 4400000 500400 4400100"),
        ((200_000, 4_300_000, 201_000, 4_301_000), "EPSG:32639", "output_crs=EPSG:32639"),
    ],
)
def test_cells_without_evidence_are_refused_before_the_search(
    tmp_path: Path, flight: Flight, config: RunConfig, *, area: Any, crs: str, said: str
) -> None:
    evidence = believe(tmp_path / "e", "prior", area=area, crs=crs)
    images = [flight("a.tif"), flight("b.tif", shift_m=300)]
    with pytest.raises(InputError, match=said):
        run(images, tmp_path / "out", config=config.model_copy(update={"evidence": str(evidence)}))
    assert not (tmp_path / "out").exists()


def test_evidence_by_command(tmp_path: Path, flight: Flight, model: Path) -> None:
    evidence = believe(tmp_path / "e", "prior")
    (tmp_path / "own.yaml").write_text(f"version: 1\nmodel: {model}\nevidence: nowhere\nthreads: 1\nruntime: torch\n")
    arguments = ["run", str(flight()), "--out", str(tmp_path / "out"), "--config", str(tmp_path / "own.yaml")]
    with pytest.raises(SystemExit) as caught:
        cli.main([*arguments, "--evidence", str(evidence)])
    assert caught.value.code == 0
    assert bands(tmp_path / "out")["prior_items"].max() > 1
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert load_config(RunConfig, tmp_path / "own.yaml").evidence == "nowhere"
