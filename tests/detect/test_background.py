"""What a flight's ground is like: as statistics says, without what stands out, and the same for every tiling."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from sklearn.covariance import ledoit_wolf
from torch.nn import functional

from survey.covariance import shrunk_covariance
from survey.detect import Background, BackgroundMeter, Detector, ModelCard
from survey.detect.background import CONTEXT_PX, SAMPLE_PX, measured_background
from survey.detect.contrast import Around, ContrastCard
from survey.errors import InputError
from survey.networks import FILL, Heads, Precision, SurveyNet
from survey.networks.runtime import TorchRuntime
from tests.detect.test_detector import block_of, same_findings, search

Texture = Callable[[int, int], NDArray[np.uint8]]
CELL = 16
HALO_PX = 224
"""Of a lite0 network that compares with the ground, as `make_card` computes it."""


class Means:
    """A stand-in for the network whose coarse features are the mean colours of cells, and which keeps its tiles."""

    name = "means"

    def __init__(self) -> None:
        self.tiles: list[NDArray[np.uint8]] = []

    def __call__(self, tile: NDArray[np.uint8]) -> Heads:
        self.tiles.append(tile)
        coarse = torch.from_numpy(tile.astype(np.float32)).permute(2, 0, 1)[None]
        nothing = torch.zeros(1, 1, 1, 1)
        return Heads(nothing, nothing, nothing, nothing, functional.avg_pool2d(coarse, CELL))


def gaussian_cells(count: int, *, size: int = 8, seed: int = 1) -> NDArray[np.float32]:
    """Return (count, size) values that go together and lie off the origin."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(size, size)) + 2 * np.eye(size)
    return (rng.normal(size=(count, size)) @ mixing + rng.normal(size=size) * 9).astype(np.float32)


def distances(background: Background, cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ln of the distance of (N, C) cells."""
    coarse = torch.from_numpy(cells.T[None, :, None, :].copy())
    return background.log_distance(coarse).numpy().ravel()


def noise(height: int, width: int, *, seed: int = 2) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def cell_means(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return (N, 3) mean colours of the whole cells of a picture, sorted."""
    rows, cols = picture.shape[0] // CELL, picture.shape[1] // CELL
    cells = picture[: rows * CELL, : cols * CELL].reshape(rows, CELL, cols, CELL, 3).mean(axis=(1, 3)).reshape(-1, 3)
    return np.asarray(cells[np.lexsort(cells.T)], np.float64)


@pytest.fixture
def contrasting(card: ModelCard) -> ModelCard:
    part = ContrastCard(heat=0.5, contrast=9.0, bias=1.0, trimmed=0.05)
    return card.model_copy(update={"contrast": part, "halo_px": HALO_PX})


@pytest.fixture
def torch_runtime(network: SurveyNet) -> TorchRuntime:
    return TorchRuntime(network, precision=Precision.FP32)


@pytest.mark.parametrize(("count", "size"), [(12, 30), (200, 30), (5000, 6), (40, 1)])
def test_covariance_is_shrunk_as_ledoit_and_wolf_do(count: int, size: int) -> None:
    cells = gaussian_cells(count, size=size).astype(np.float64)
    cells -= cells.mean(axis=0)
    assert np.allclose(shrunk_covariance(cells), ledoit_wolf(cells, assume_centered=True)[0], rtol=1e-9, atol=1e-12)
    assert np.array_equal(shrunk_covariance(np.zeros((count, size))), np.zeros((size, size)))


def test_ordinary_ground_is_white_and_lies_at_distance_one() -> None:
    cells = gaussian_cells(20_000)
    background = measured_background(cells, trimmed=0.0)
    white = (cells - background.mean) @ background.whiten
    assert np.allclose(np.cov(white.T), np.eye(8), atol=0.03)
    expected = np.log(np.square(white).mean(axis=1) + 1e-3) / 2
    assert np.allclose(distances(background, cells), expected, atol=1e-4)
    assert abs(np.median(expected)) < 0.1


def test_what_stands_out_does_not_widen_the_measure_and_ranks_first() -> None:
    cells = gaussian_cells(10_000)
    away = (
        (cells[:300] - cells.mean(axis=0)) * 0.2 + cells.mean(axis=0) + np.float32(40) * np.eye(8, dtype=np.float32)[3]
    )
    mixed = np.concatenate([cells, away])
    clean, trimmed, naive = (measured_background(c, trimmed=t) for c, t in ((cells, 0.0), (mixed, 0.05), (mixed, 0.0)))
    far = {
        name: np.median(distances(b, away)) for name, b in (("clean", clean), ("trimmed", trimmed), ("naive", naive))
    }
    assert far["trimmed"] > far["clean"] - 0.05 > far["naive"] + 0.5
    assert distances(trimmed, away).min() > distances(trimmed, cells).max()
    assert np.allclose(np.median(distances(trimmed, cells)), np.median(distances(clean, cells)), atol=0.2)


def test_features_that_never_vary_and_fewer_cells_than_features_are_measured_all_the_same() -> None:
    cells = gaussian_cells(40, size=60)
    cells[:, 7] = 3.0
    background = measured_background(cells, trimmed=0.05)
    assert np.isfinite(background.stored["background"]).all()
    assert np.isfinite(distances(background, cells)).all()
    same = np.full((20, 3), 5.0, np.float32)
    assert np.isfinite(distances(measured_background(same, trimmed=0.05), same)).all()


@pytest.mark.parametrize("count", [0, 15])
def test_too_few_cells_tell_nothing(count: int) -> None:
    with pytest.raises(InputError, match=f"{count} cells of 16 px were imaged.*give more imagery"):
        measured_background(np.zeros((count, 4), np.float32), trimmed=0.05)


def test_what_is_stored_comes_back() -> None:
    background = measured_background(gaussian_cells(50), trimmed=0.05)
    again = Background.of(background.stored)
    assert {name: rows.shape for name, rows in background.stored.items()} == {"background": (10, 8)}
    assert np.array_equal(again.mean, background.mean)
    assert np.array_equal(again.whiten, background.whiten)
    assert again.tail == pytest.approx(background.tail, rel=1e-6)


def heat_at(cell: NDArray[np.float32], background: Background, *, usual_tail: float | None) -> float:
    """Return the logit of ground all like one cell."""
    card = ContrastCard(heat=0.0, contrast=4.0, bias=0.0, trimmed=0.05, usual_tail=usual_tail)
    other, coarse = torch.zeros(1, 1, 4, 4), torch.from_numpy(cell)[None, :, None, None]
    return float(background.applied(Heads(other, other, other, other, coarse), card).heat[0, 0, 0, 0])


def test_on_ground_full_of_things_the_distance_counts_as_many_times_less() -> None:
    plain = gaussian_cells(4000)
    things = plain.copy()
    things[::25] += 20  # 4 % of all cells, all of them left out of the measure
    usual, full = (measured_background(cells, trimmed=0.05) for cells in (plain, things))
    assert usual.tail < 0.7
    assert full.tail > 1.5
    assert np.allclose(usual.mean, full.mean, atol=0.2)
    cell = plain[0] + 20
    assert heat_at(cell, usual, usual_tail=0.7) == heat_at(cell, usual, usual_tail=None) > 5
    assert heat_at(cell, full, usual_tail=0.7) == pytest.approx(
        0.7 / full.tail * heat_at(cell, full, usual_tail=None), rel=1e-5
    )


def test_the_heatmap_becomes_the_weighted_sum() -> None:
    rng = np.random.default_rng(4)
    coarse = rng.normal(size=(1, 8, 3, 5)).astype(np.float32) * 4
    heat = torch.from_numpy(rng.normal(size=(1, 1, 12, 20)).astype(np.float32))
    other = torch.zeros(1, 2, 2, 2)
    background = measured_background(gaussian_cells(500), trimmed=0.05)
    card = ContrastCard(heat=0.5, contrast=4.0, bias=-3.0, trimmed=0.05)
    heads = background.applied(Heads(heat, other, other, other, torch.from_numpy(coarse)), card)
    log_distance = np.empty((3, 5))
    for row, col in np.ndindex(3, 5):
        white = (coarse[0, :, row, col] - background.mean) @ background.whiten
        log_distance[row, col] = np.log(np.sqrt(np.mean(white**2) + 1e-3))
    rows, cols = ((np.arange(n) + 0.5) / 4 - 0.5 for n in (12, 20))  # centres of fine cells, in coarse ones
    rows, cols = np.clip(rows, 0, 2), np.clip(cols, 0, 4)
    top, left = np.minimum(rows.astype(int), 1)[:, None], np.minimum(cols.astype(int), 3)[None]
    down, across = rows[:, None] - top, cols[None] - left
    fine = (1 - down) * ((1 - across) * log_distance[top, left] + across * log_distance[top, left + 1])
    fine += down * ((1 - across) * log_distance[top + 1, left] + across * log_distance[top + 1, left + 1])
    assert np.allclose(heads.heat[0, 0].numpy(), -3 + 0.5 * heat[0, 0].numpy() + 4 * fine, atol=1e-4)
    assert heads.kind is heads.geometry is heads.mask is other


def test_distance_is_taken_relative_to_what_lies_around() -> None:
    rng = np.random.default_rng(5)
    coarse = rng.normal(size=(1, 8, 7, 9)).astype(np.float32) * 3
    zero = torch.zeros(1, 1, 28, 36)
    background = measured_background(gaussian_cells(500), trimmed=0.05)
    around = Around(cells=3, level=0.75, unrest=0.25)
    card = ContrastCard(heat=0.0, contrast=1.0, bias=0.0, trimmed=0.05, around=around)
    imaged = np.ones((112, 144), bool)
    imaged[:, 64:] = False
    imaged[:, 64:72] = True  # half a cell more
    heads = background.applied(Heads(zero, zero, zero, zero, torch.from_numpy(coarse)), card, imaged)
    plain = background.log_distance(torch.from_numpy(coarse))[0, 0].double().numpy()
    weight = np.where(np.arange(9) < 4, 1.0, np.where(np.arange(9) == 4, 0.5, 0.0)) * np.ones((7, 1))
    expected = plain.copy()
    for row, col in np.ndindex(7, 6):  # from the eighth column on nothing around was imaged
        square = (slice(max(row - 1, 0), row + 2), slice(max(col - 1, 0), col + 2))
        mean = np.average(plain[square], weights=weight[square])
        spread = np.sqrt(np.average((plain[square] - mean) ** 2, weights=weight[square]))
        expected[row, col] -= 0.75 * mean + 0.25 * np.log(max(spread, 0.1) / 0.2)
    told = torch.from_numpy(expected)[None, None]
    fine = torch.nn.functional.interpolate(told, scale_factor=4, mode="bilinear")
    assert np.allclose(heads.heat.numpy(), fine.numpy(), atol=1e-4)
    assert around.reach_px == 16
    assert card.reach_px == 32


def test_the_square_around_a_cell_has_a_middle() -> None:
    with pytest.raises(ValidationError, match="odd number of cells along its edge, got 4"):
        Around(cells=4, level=0.5, unrest=0.0)


def test_only_cells_that_were_imaged_whole_are_measured() -> None:
    meter, edge = BackgroundMeter(Means()), SAMPLE_PX + 2 * CONTEXT_PX
    window, valid = noise(edge, edge), np.ones((edge, edge), bool)
    hole = (CONTEXT_PX + 5 * CELL + 3, CONTEXT_PX + 2 * CELL)
    valid[hole] = False
    window[hole] = FILL
    meter.add(window, valid)
    core = window[CONTEXT_PX:-CONTEXT_PX, CONTEXT_PX:-CONTEXT_PX]
    whole = core.reshape(16, CELL, 16, CELL, 3).mean(axis=(1, 3)).reshape(-1, 3)
    assert np.allclose(meter.cells, np.delete(whole, 5 * 16 + 2, axis=0), atol=1e-4)
    assert meter.windows == 1


def test_a_window_in_which_no_cell_was_imaged_runs_no_network() -> None:
    runtime = Means()
    meter, edge = BackgroundMeter(runtime), SAMPLE_PX + 2 * CONTEXT_PX
    valid = np.zeros((edge, edge), bool)
    valid[:CONTEXT_PX] = True  # context alone tells nothing
    meter.add(noise(edge, edge), valid)
    assert (meter.windows, len(runtime.tiles), len(meter.cells)) == (0, 0, 0)


def test_the_edge_of_an_area_of_interest_is_no_edge_on_the_ground(
    torch_runtime: TorchRuntime, texture: Texture
) -> None:
    edge = SAMPLE_PX + 2 * CONTEXT_PX
    window, valid = texture(edge, edge), np.ones((edge, edge), bool)
    whole, cut = BackgroundMeter(torch_runtime), BackgroundMeter(torch_runtime)
    whole.add(window, valid)
    valid[:, CONTEXT_PX + 8 * CELL :] = False  # outside the area, and shown as it is
    cut.add(window, valid)
    left = whole.cells.reshape(16, 16, -1)[:, :8].reshape(128, -1)
    assert np.array_equal(cut.cells, left)


@pytest.mark.parametrize("shape", [(50, 70), (16, 16), (300, 600), (SAMPLE_PX, 2 * SAMPLE_PX)])
def test_a_picture_is_measured_window_by_window_with_what_lies_around(shape: tuple[int, int]) -> None:
    picture, runtime = noise(*shape), Means()
    (meter := BackgroundMeter(runtime)).add_picture(picture, windows=99)
    framed = np.pad(picture, ((CONTEXT_PX,) * 2, (CONTEXT_PX,) * 2, (0, 0)), constant_values=FILL)
    starts = [(r, c) for r in range(0, shape[0], SAMPLE_PX) for c in range(0, shape[1], SAMPLE_PX)]
    assert len(runtime.tiles) == len(starts) == meter.windows
    for tile, (row, col) in zip(runtime.tiles, starts, strict=True):
        expected = np.full(tile.shape, FILL, np.uint8)
        seen = framed[row : row + tile.shape[0], col : col + tile.shape[1]]
        expected[: seen.shape[0], : seen.shape[1]] = seen
        # Windows at the picture's end are cut off behind their context.
        assert np.array_equal(tile, expected)
    cells = meter.cells.astype(np.float64)
    assert np.allclose(cells[np.lexsort(cells.T)], cell_means(picture), atol=1e-3)


def test_of_a_large_picture_some_windows_are_measured_always_the_same() -> None:
    picture = noise(900, 1100)
    first, second, more = Means(), Means(), Means()
    for runtime, windows in ((first, 4), (second, 4), (more, 9)):
        BackgroundMeter(runtime).add_picture(picture, windows=windows)
    assert len(first.tiles) == 4
    assert all(np.array_equal(a, b) for a, b in zip(first.tiles, second.tiles, strict=True))
    assert {t.tobytes() for t in first.tiles} < {t.tobytes() for t in more.tiles}


@pytest.mark.parametrize("around", [None, Around(cells=5, level=0.75, unrest=0.25)])
def test_every_tiling_gives_the_same_answer(
    contrasting: ModelCard, torch_runtime: TorchRuntime, texture: Texture, around: Around | None
) -> None:
    assert contrasting.contrast is not None
    part = contrasting.contrast.model_copy(update={"around": around})
    halo_px = HALO_PX + part.reach_px - CELL
    contrasting = contrasting.model_copy(update={"contrast": part, "halo_px": halo_px})
    image = texture(138, 541)
    ground = Detector(contrasting, torch_runtime, sha256="")
    (meter := ground.meter()).add_picture(texture(400, 400)[::-1], windows=9)
    background = ground.background_of(meter)
    whole = search(Detector(contrasting, torch_runtime, sha256="", core_px=1536).on(background), image)
    plain = contrasting.model_copy(update={"contrast": None})
    alone = search(Detector(plain, torch_runtime, sha256="", core_px=1536), image)
    assert len(whole.score) > 20
    assert len(whole.score) != len(alone.score)
    assert np.array_equal(whole.codes, alone.codes)  # disturbance is not told by contrast
    for core_px in (128, 256):
        tiled = Detector(contrasting, torch_runtime, sha256="", core_px=core_px).on(background)
        same_findings(whole, search(tiled, image))


def test_a_search_needs_to_know_the_ground(contrasting: ModelCard, texture: Texture) -> None:
    detector = Detector(contrasting, Means(), sha256="")
    pixels = np.full((64 + 2 * HALO_PX, 64 + 2 * HALO_PX, 3), FILL, np.uint8)
    with pytest.raises(ValueError, match="ground"):
        detector.search(block_of(64, 64, 64), pixels, np.ones(pixels.shape[:2], bool))


def test_a_picture_alone_is_its_own_ground(
    contrasting: ModelCard, torch_runtime: TorchRuntime, texture: Texture
) -> None:
    image, detector = texture(300, 280), Detector(contrasting, torch_runtime, sha256="")
    (meter := detector.meter()).add_picture(image, windows=99)
    own = detector.on(detector.background_of(meter))
    found, expected = detector.detect(image, gsd_m=0.01), own.detect(image, gsd_m=0.01)
    assert len(found) > 10
    assert np.array_equal(found.score, expected.score)
    assert np.array_equal(found.row, expected.row)
    assert np.array_equal(own.on(None).detect(image, gsd_m=0.01).score, found.score)
    (meter := detector.meter()).add_picture(image // 3, windows=99)
    elsewhere = detector.on(detector.background_of(meter)).detect(image, gsd_m=0.01)
    assert not np.array_equal(elsewhere.score, found.score)
    assert own.with_threshold(0.9).at_any_gsd().background is own.background
    with pytest.raises(InputError, match="too little to tell what the ground is like"):
        detector.detect(image[:60, :60], gsd_m=0.01)
