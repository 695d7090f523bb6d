"""One answer however a picture is cut, nothing where nothing was imaged, and positions in the picture's own pixels."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import logit

from survey.detect import Detector, Findings, ModelCard, merge_across_seams
from survey.errors import InputError
from survey.networks import FILL, Heads, Precision, RuntimeKind, SurveyNet
from survey.networks.runtime import TorchRuntime, make_runtime
from survey.values import Block, GroundCode, Tile, Window

Texture = Callable[[int, int], NDArray[np.uint8]]
POSITION_PX = 1e-3
SCORE = 1e-4
"""What `Detector` promises between tilings on CPU in float32. Measured on this picture over cores of 128 px
to the whole: the same bits; between one thread and two, 6e-8 in the scores."""


class Painted:
    """A stand-in for the network whose heads are read off the pixels, and which counts its calls.

    A cell's logit is high where its first pixel's red is; green is the disturbance.
    """

    name = "painted"

    def __init__(self, classes: int = 3) -> None:
        self.classes, self.calls = classes, 0

    def __call__(self, tile: NDArray[np.uint8]) -> Heads:
        self.calls += 1
        pixels = torch.from_numpy(tile.astype(np.float32))
        heat = torch.full((1, 1, tile.shape[0] // 4, tile.shape[1] // 4), -20.0)
        heat[0, 0] = pixels[::4, ::4, 0] - 200
        kind = torch.zeros(1, self.classes, *heat.shape[2:])
        kind[0, 0] = 9
        geometry = torch.full((1, 3, *heat.shape[2:]), 0.5)
        mask = torch.zeros(1, 4, tile.shape[0] // 8, tile.shape[1] // 8)
        mask[0, 1] = pixels[::8, ::8, 1] - 200
        mask[0, 2:] = -50
        return Heads(heat, kind, geometry, mask)


def block_of(height: int, width: int, core_px: int) -> Block:
    tiles = [
        Window(r, c, min(core_px, height - r), min(core_px, width - c))
        for r in range(0, height, core_px)
        for c in range(0, width, core_px)
    ]
    return Block(0, Window(0, 0, height, width), tuple(Tile(n, core) for n, core in enumerate(tiles)))


def search(detector: Detector, image: NDArray[np.uint8], valid: NDArray[np.bool_] | None = None) -> Findings:
    """Search a picture as one block, `valid` of its own shape."""
    halo = detector.card.halo_px
    valid = np.ones(image.shape[:2], bool) if valid is None else valid
    filled = np.where(valid[..., None], image, np.uint8(FILL))
    pixels = np.pad(filled, ((halo, halo), (halo, halo), (0, 0)), constant_values=FILL)
    return detector.search(block_of(image.shape[0], image.shape[1], detector.core_px), pixels, np.pad(valid, halo))


def painted_scene(height: int, width: int, spots: list[tuple[int, int]]) -> NDArray[np.uint8]:
    image = np.full((height, width, 3), 100, np.uint8)
    for row, col in spots:
        image[row // 4 * 4, col // 4 * 4, 0] = 205
    return image


def same_findings(first: Findings, second: Findings) -> None:
    """Assert that two searches found the same objects, each once."""
    assert len(first.score) == len(second.score)
    here, there = (np.column_stack([f.row, f.col]) for f in (first, second))
    distance, match = (np.asarray(a) for a in cKDTree(there).query(here))
    assert sorted(match.tolist()) == list(range(len(match)))
    assert distance.max() < POSITION_PX
    assert np.abs(first.score - second.score[match]).max() < SCORE
    assert np.abs(first.probability - second.probability[match]).max() < SCORE
    assert np.allclose(first.size_px, second.size_px[match], rtol=1e-4)
    assert np.array_equal(first.class_index, second.class_index[match])


@pytest.fixture
def torch_runtime(network: SurveyNet) -> TorchRuntime:
    return TorchRuntime(network, precision=Precision.FP32)


def test_every_tiling_gives_the_same_answer(card: ModelCard, torch_runtime: TorchRuntime, texture: Texture) -> None:
    image = texture(138, 541)  # neither a multiple of a cell nor of a core
    whole = search(Detector(card, torch_runtime, sha256="", core_px=1536), image)
    assert len(whole.score) > 50
    assert (whole.tiles_searched, whole.tiles_saturated) == (1, 0)
    kinds = set(np.unique(whole.codes).tolist())
    assert {GroundCode.SEARCHED, GroundCode.CRATER} <= kinds
    for core_px in (128, 256, 512):
        tiled = search(Detector(card, torch_runtime, sha256="", core_px=core_px), image)
        assert tiled.tiles_searched == -(-138 // core_px) * -(-541 // core_px)
        same_findings(whole, tiled)
        # No argmax or threshold of this picture lies within float tolerance of a tie, so codes agree entirely.
        assert np.count_nonzero(tiled.codes != whole.codes) <= 1
        kept = merge_across_seams(tiled.row, tiled.col, tiled.score, tiled.tile_index)
        assert kept.all()


def test_the_number_of_threads_does_not_change_the_answer(
    card: ModelCard, torch_runtime: TorchRuntime, texture: Texture
) -> None:
    detector = Detector(card, torch_runtime, sha256="", core_px=256)
    image, before = texture(300, 300), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = search(detector, image)
        torch.set_num_threads(2)
        two = search(detector, image)
    finally:
        torch.set_num_threads(before)
    assert len(one.score) > 50
    same_findings(one, two)


def test_each_tile_owns_only_what_lies_in_its_core(card: ModelCard) -> None:
    spots = [(62, 62), (62, 64), (64, 62), (66, 130), (3, 3), (99, 149)]
    spots = [s for n, s in enumerate(spots) if n in (0, 3, 4, 5)]
    found = search(Detector(card, Painted(), sha256="", core_px=64), painted_scene(100, 150, spots))
    where = {(int(r) // 4, int(c) // 4): int(t) for r, c, t in zip(found.row, found.col, found.tile_index, strict=True)}
    assert where == {(15, 15): 0, (16, 32): 5, (0, 0): 0, (24, 37): 5}


def test_two_peaks_across_a_seam_that_are_neighbours_are_one(card: ModelCard) -> None:
    image = painted_scene(128, 128, [(60, 60), (64, 64)])
    image[64, 64, 0] = 210
    found = search(Detector(card, Painted(), sha256="", core_px=64), image)
    assert found.row.tolist() == [66.0]


def test_no_centre_leaves_the_picture(card: ModelCard) -> None:
    found = search(Detector(card, Painted(), sha256="", core_px=64), painted_scene(41, 81, [(40, 80)]))
    assert (found.row.tolist(), found.col.tolist()) == ([41.0], [81.0])


def test_nothing_is_found_where_nothing_was_imaged(card: ModelCard) -> None:
    spots = [(20, 20), (20, 60), (20, 100)]
    image, valid = painted_scene(64, 128, spots), np.ones((64, 128), bool)
    valid[20:24, 60:64] = False
    runtime = Painted()
    detector = Detector(card, runtime, sha256="", core_px=128)
    halo = card.halo_px
    pixels = np.pad(image, ((halo, halo), (halo, halo), (0, 0)), constant_values=FILL)  # the spot shows nevertheless
    found = detector.search(block_of(64, 128, 128), pixels, np.pad(valid, halo))
    assert found.col.tolist() == [22.0, 102.0]


def test_real_features_find_nothing_in_invalid_ground(
    card: ModelCard, torch_runtime: TorchRuntime, texture: Texture
) -> None:
    image, valid = texture(256, 384), np.ones((256, 384), bool)
    valid[:, 150:] = False
    found = search(Detector(card, torch_runtime, sha256="", core_px=128), image, valid)
    assert len(found.score) > 20
    assert valid[np.minimum(found.row.astype(int), 255), np.minimum(found.col.astype(int), 383)].all()
    assert (found.tiles_searched, found.tiles_empty) == (4, 2)


def test_tiles_without_a_valid_pixel_run_no_network_and_say_nothing_of_the_ground(card: ModelCard) -> None:
    valid = np.zeros((128, 192), bool)
    valid[127, 191] = True
    runtime = Painted()
    found = search(Detector(card, runtime, sha256="", core_px=64), painted_scene(128, 192, [(8, 8)]), valid)
    assert (runtime.calls, found.tiles_searched, found.tiles_empty, len(found.score)) == (1, 1, 5, 0)
    assert found.codes.shape == (16, 24)
    assert np.all(found.codes[8:, 16:] == GroundCode.SEARCHED)
    assert np.count_nonzero(found.codes != GroundCode.NOT_FLOWN) == 64


def test_a_block_without_tiles_is_not_flown(card: ModelCard) -> None:
    runtime = Painted()
    detector = Detector(card, runtime, sha256="", core_px=64)
    halo = card.halo_px
    pixels = np.full((64 + 2 * halo, 64 + 2 * halo, 3), FILL, np.uint8)
    found = detector.search(Block(0, Window(0, 0, 64, 64), ()), pixels, np.zeros(pixels.shape[:2], bool))
    assert (runtime.calls, len(found.score)) == (0, 0)
    assert found.tile_index.dtype == np.int32
    assert not found.codes.any()


def test_codes_lie_where_the_disturbance_does(card: ModelCard) -> None:
    image = painted_scene(72, 136, [])
    image[40:48, 104:112, 1] = 255
    codes = search(Detector(card, Painted(), sha256="", core_px=64), image).codes
    assert codes.shape == (9, 17)
    assert np.argwhere(codes == GroundCode.CRATER).tolist() == [[5, 13]]
    assert np.count_nonzero(codes == GroundCode.SEARCHED) == 9 * 17 - 1


def test_a_class_that_was_never_learnt_is_said_only_of_items_of_no_likely_class(
    card: ModelCard, network: SurveyNet, texture: Texture
) -> None:
    with torch.no_grad():
        network.projection.kind.bias[2] = 50.0  # type: ignore[index]
        network.projection.kind.weight.mul_(9)
    detector = Detector(card, TorchRuntime(network, precision=Precision.FP32), sha256="")
    found = detector.detect(texture(200, 200), gsd_m=0.01)
    assert len(found) > 20
    # Of two learnt classes one always has half the share or more.
    assert set(found.class_names) <= {"ap_mine", "at_mine"}


def test_probability_is_the_cards_calibration_of_the_score(card: ModelCard) -> None:
    image = painted_scene(64, 64, [(20, 20), (40, 44)])
    image[40, 44, 0] = 201
    found = Detector(card, Painted(), sha256="").detect(image, gsd_m=0.01)
    scale, offset = card.calibration.parameters
    expected = 1 / (1 + np.exp(-(scale * logit(found.score.astype(float)) + offset)))
    assert len(found) == 2
    assert found.probability == pytest.approx(expected, abs=1e-5)
    assert np.all(np.isnan(found.x) & np.isnan(found.y))
    assert found.model_id == "toy"


@pytest.mark.parametrize(
    ("image", "gsd_m"),
    [
        (np.zeros((32, 32), np.uint8), 0.01),
        (np.zeros((32, 32, 4), np.uint8), 0.01),
        (np.zeros((32, 32, 3), np.float32), 0.01),
        (np.zeros((0, 32, 3), np.uint8), 0.01),
        (np.zeros((32, 32, 3), np.uint8), 0.0),
        (np.zeros((32, 32, 3), np.uint8), float("nan")),
    ],
)
def test_detect_refuses_what_is_no_picture(card: ModelCard, image: NDArray[np.uint8], gsd_m: float) -> None:
    with pytest.raises(ValueError, match=r"uint8 \(H, W, 3\)"):
        Detector(card, Painted(), sha256="").detect(image, gsd_m=gsd_m)


@pytest.mark.parametrize(("gsd_m", "spot", "centre"), [(0.005, slice(80, 88), 84.0), (0.02, slice(39, 42), 41.0)])
def test_positions_come_in_the_pictures_own_pixels(card: ModelCard, gsd_m: float, spot: slice, centre: float) -> None:
    # Either way the spot is bright where pixel (40 or 80) of the working grid begins a cell.
    image = np.full((200, 400, 3), 100, np.uint8)
    image[spot, spot, 0] = 205
    found = Detector(card, Painted(), sha256="").detect(image, gsd_m=gsd_m)
    assert (found.row.tolist(), found.col.tolist()) == ([centre], [centre])
    assert found.position_error_m == pytest.approx([np.hypot(0.03, gsd_m / 2)])


def test_a_picture_too_coarse_for_the_model_is_refused(card: ModelCard) -> None:
    runtime = Painted()
    with pytest.raises(InputError, match="coarser"):
        Detector(card, runtime, sha256="").detect(painted_scene(64, 64, [(20, 20)]), gsd_m=0.03)
    assert runtime.calls == 0


def test_thresholds_and_cores_that_make_no_sense_are_refused(card: ModelCard) -> None:
    with pytest.raises(ValueError, match="multiple of 16"):
        Detector(card, Painted(), sha256="", core_px=100)
    with pytest.raises(ValueError, match=r"0\.\.1"):
        Detector(card, Painted(), sha256="").with_threshold(2)


def test_a_lower_threshold_only_adds(card: ModelCard, torch_runtime: TorchRuntime, texture: Texture) -> None:
    detector, image = Detector(card, torch_runtime, sha256=""), texture(240, 240)
    found = [detector.with_threshold(t).detect(image, gsd_m=0.01) for t in (0.8, 0.5, 0.2)]
    assert 0 < len(found[0]) < len(found[1]) < len(found[2])
    for few, more in pairwise(found):
        assert {*zip(few.row, few.col, strict=True)} <= {*zip(more.row, more.col, strict=True)}


def test_make_runtime_records_what_ran(network: SurveyNet) -> None:
    runtime = make_runtime(network, kind=RuntimeKind.TORCH, precision=Precision.FP32)
    assert runtime.name.startswith("torch-")
    assert runtime.name.endswith("-fp32")
