"""Imagery that the model does not know: kept out of what counts as searched, told everywhere, whatever the tiles."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
from numpy.typing import NDArray

from survey.characterise.config import CharacteriseConfig
from survey.characterise.rates import NoveltyRates
from survey.characterise.reference import fit_reference, sign_sites
from survey.characterise.run import store
from survey.config import RunConfig, load_config
from survey.datasets.sources import Picture
from survey.detect.detectability import Detectability
from survey.detect.model import load_card, load_network
from survey.engine import Shard
from survey.labels import Boxes
from survey.novelty.meter import signer_of
from survey.pipeline import describe, run
from survey.pipeline.novelty import draw_cells
from survey.values import RISK_BANDS

Flight = Callable[..., Path]
UNLIKE = "unlike anything the model was trained on"


def blotches(rows: int, cols: int, seed: int) -> NDArray[np.uint8]:
    """Return what the flights of these tests show, (rows, cols, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (3, -(-rows // 8), -(-cols // 8)), np.uint8)
    return np.kron(coarse, np.ones((1, 8, 8), np.uint8))[:, :rows, :cols].transpose(1, 2, 0)


@pytest.fixture(scope="session")
def knowing(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy model, with a reference of pictures of blotches."""
    folder = tmp_path_factory.mktemp("knowing") / "model"
    shutil.copytree(model, folder)
    card = load_card(folder)
    grounds = [Picture("blotches", f"{n}", blotches(520, 520, n), 0.01, Boxes.none(), (), 1.0) for n in range(1, 7)]
    sign = signer_of(load_network(folder, card), gsd_m=card.gsd_m)
    config = load_config(CharacteriseConfig, overrides=["windows_per_site=24", "seed=1"])
    windows = sign_sites({"blotches": grounds}, sign, origins={}, gsd_m=0.01, max_gsd_m=0.025, config=config)
    curve = Detectability(
        coefficients=(-4.0, 1.0, -2.0, -0.5),
        covariance=((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)),
        trials=1,
        found=0,
        score=0.3,
        size_px=(4, 64),
        occluded=(0, 0.9),
        blur_px=(0, 4),
        by_chance=0,
        grounds=(),
        ordnance=(),
        seed=1,
        measured_on="-",
    )
    store(
        folder, card, reference=fit_reference(windows, quantile=0.975), rates=NoveltyRates({}, {}, {}, {}), curve=curve
    )
    return folder


@pytest.fixture
def settings(config: RunConfig, knowing: Path) -> RunConfig:
    return config.model_copy(update={"model": str(knowing)})


@pytest.fixture
def dark(flight: Flight) -> Callable[..., Path]:
    """Write a flight in the dark, with a few things in it that the toy model sees."""

    def write(name: str = "dark.tif", **where: float) -> Path:
        path = flight(name, **where)
        with rasterio.open(path, "r+") as dataset:
            values = dataset.read() // 12
            values[:, 380:440, 420:480] *= 10
            dataset.write(values)
        return path

    return write


def test_known_imagery_is_searched_as_before(tmp_path: Path, flight: Flight, settings: RunConfig) -> None:
    result = run([flight()], tmp_path / "out", config=settings)
    assert result.exit_code == 0
    (image,) = result.summary["images"]
    assert not image["novelty"]["flagged"]
    assert image["novelty"]["windows"] >= 3
    assert result.summary["area_ha"]["searched"] == result.summary["area_ha"]["flown"]
    manifest = json.loads((tmp_path / "out" / "products" / "MANIFEST.json").read_text())
    assert "novelty.safetensors" in manifest["model"]
    assert "notes" not in manifest


def test_unknown_imagery_keeps_its_sightings_and_its_prior_risk(
    tmp_path: Path, dark: Flight, settings: RunConfig
) -> None:
    path = dark()
    result = run([path], tmp_path / "out", config=settings)
    assert result.exit_code == 3
    assert result.summary["area_ha"]["flown"] > 0
    assert result.summary["area_ha"]["searched"] == 0
    (image,) = result.summary["images"]
    assert image["novelty"]["flagged"]
    assert not image["novelty"]["counts_as_searched"]
    assert UNLIKE in image["novelty"]["state"]
    areas = pyogrio.read_dataframe(tmp_path / "out" / "products" / "detections.gpkg", layer="searched_area")
    assert set(areas["state"]) == {"not searched"}
    assert areas["reason"].str.contains("dark.tif").all()
    assert areas["reason"].str.contains(UNLIKE).all()
    manifest = json.loads((tmp_path / "out" / "products" / "MANIFEST.json").read_text())
    assert any("dark.tif" in note and UNLIKE in note for note in manifest["notes"])
    with rasterio.open(tmp_path / "out" / "products" / "disturbance.tif") as codes:
        assert codes.read(1, masked=True).mask.all()

    told = run([path], tmp_path / "told", config=settings.model_copy(update={"novelty": "warn"}))
    assert told.exit_code == 0
    assert told.summary["area_ha"]["searched"] == told.summary["area_ha"]["flown"]
    assert told.summary["novelty"]["flagged"] == result.summary["novelty"]["flagged"]
    assert told.summary["detections"]["sightings"] == result.summary["detections"]["sightings"] > 0
    blind = settings.model_copy(update={"candidate_threshold": 0.999999})
    run([path], tmp_path / "blind", config=blind)
    with rasterio.open(tmp_path / "blind" / "products" / "risk.tif") as risk:
        p = risk.read(RISK_BANDS.index("p_at_least_one") + 1, masked=True)
    assert np.allclose(p.compressed(), 1 - 0.5**0.5)


def test_the_verdict_does_not_depend_on_tiles_workers_shares_or_when_it_is_asked(
    tmp_path: Path, dark: Flight, flight: Flight, settings: RunConfig
) -> None:
    images = [dark(rows=520, cols=530), flight("day.tif", rows=520, cols=530, shift_m=20)]

    def verdicts(name: str, **changes: object) -> list[object]:
        result = run(images, tmp_path / name, config=settings.model_copy(update=changes))
        return [image["novelty"] for image in result.summary["images"]]

    reference = verdicts("reference")
    assert verdicts("small", core_px=128) == reference
    assert verdicts("whole", core_px=1024, workers=2, decode_threads=2) == reference
    run(images, tmp_path / "shares", config=settings, shard=Shard(0, 2))
    run(images, tmp_path / "shares", config=settings, shard=Shard(1, 2))
    summary = json.loads((tmp_path / "shares" / "products" / "summary.json").read_text())
    assert [image["novelty"] for image in summary["images"]] == reference
    assert verdicts("reference") == reference  # from the store


def test_ground_that_another_image_searched_counts(
    tmp_path: Path, dark: Flight, flight: Flight, settings: RunConfig
) -> None:
    result = run([dark(), flight("day.tif")], tmp_path / "out", config=settings)
    assert result.summary["area_ha"]["searched"] == pytest.approx(result.summary["area_ha"]["flown"])
    assert [image["novelty"]["flagged"] for image in result.summary["images"]] == [True, False]


def test_a_model_without_a_reference_says_so(tmp_path: Path, dark: Flight, config: RunConfig) -> None:
    result = run([dark()], tmp_path / "out", config=config)
    assert result.exit_code == 0
    assert result.summary["images"][0]["novelty"] == {"state": "novelty not measured"}
    (info,) = describe([dark("other.tif")], config=config)
    assert "not measured: the model has no reference" in str(info)


def test_info_tells_before_the_run(dark: Flight, settings: RunConfig) -> None:
    (info,) = describe([dark()], config=settings)
    assert UNLIKE in str(info)


def test_windows_are_few_spread_and_the_same_each_time() -> None:
    needed = np.zeros((60, 50), bool)
    needed[10:, :] = True
    wanted, cells = draw_cells(needed)
    assert wanted == 32
    assert len(cells) == len(set(cells)) == 4 * wanted
    assert all(needed[cell] for cell in cells)
    rows, cols = np.array(cells[:wanted]).T
    assert np.ptp(rows) > 35
    assert np.ptp(cols) > 35
    assert draw_cells(needed) == (wanted, cells)
    few, both = draw_cells(np.ones((1, 2), bool))
    assert (few, sorted(both)) == (2, [(0, 0), (0, 1)])
    assert draw_cells(np.zeros((1, 2), bool)) == (0, [])
