"""Contrast with the ground seen nearer: of places alone, on calm ground alone, the same in every tiling."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import logit

from survey.detect import Detector, ModelCard
from survey.detect.background import Background, Sampled, measured_background
from survey.detect.contrast import Around, ContrastCard
from survey.detect.near import PLACES, measured_near, seen_nearer
from survey.detect.second_look import NearCard, SecondLookCard, SecondLooker, View
from survey.networks import FILL, Precision, SurveyNet
from survey.networks.backbone import BACKBONES, EfficientNetLite
from survey.networks.close_up import CloseUp, Middle, SecondLook
from survey.networks.runtime import TorchRuntime
from survey.networks.view_runtime import OpenVinoViews, TorchViews
from tests.detect.test_detector import same_findings, search
from tests.networks.test_runtime import needs_openvino

Texture = Callable[[int, int], NDArray[np.uint8]]
GSD_M, HALO_PX = 0.01, 272
NEAR = NearCard(view=View(extent_m=0.64, px=128), contrast=2.0, bias=-0.5, margin=4.0, rough_tail=9.0)
CARD = SecondLookCard(
    others=1.0,
    items=0.25,
    bias=-0.2,
    trimmed=0.25,
    most_like=1e9,
    alarms_a_window=4.0,
    features=8,
    views=(View(extent_m=0.32, px=128),),
    margin=1.0,
    least_logit=-6.0,
    near=NEAR,
)
CONTRAST = ContrastCard(
    heat=0.5, contrast=9.0, bias=1.0, trimmed=0.05, usual_tail=8.0, around=Around(cells=5, level=0.5, unrest=0.25)
)


@pytest.fixture(scope="module")
def backbone() -> EfficientNetLite:
    """As ImageNet taught it."""
    net = EfficientNetLite(BACKBONES["lite0"])
    net.load_imagenet()
    return net.eval()


@pytest.fixture(scope="module")
def looker(backbone: EfficientNetLite) -> SecondLooker:
    """ImageNet features, told by random directions."""
    look = SecondLook("lite0", views=1, features=CARD.features)
    look.deep.load_imagenet()
    torch.manual_seed(1)
    look.basis.copy_(torch.randn(look.basis.shape) / look.basis.shape[1] ** 0.5)
    near = TorchViews(Middle(backbone))
    return SecondLooker(TorchViews(CloseUp(backbone, look.deep)), look, CARD, gsd_m=GSD_M, near=near)


@pytest.fixture
def detector(card: ModelCard, network: SurveyNet, looker: SecondLooker) -> Detector:
    """The toy model, which compares with the ground, looks again, and nearer."""
    with torch.no_grad():  # centres lie in the middle of their cells
        network.projection.geometry.weight.zero_()
    card = card.model_copy(update={"contrast": CONTRAST, "halo_px": HALO_PX})
    return Detector(card, TorchRuntime(network, precision=Precision.FP32), sha256="", looker=looker)


def measured(detector: Detector, picture: NDArray[np.uint8]) -> Background:
    (meter := detector.meter()).add_picture(picture, windows=9)
    return detector.background_of(meter)


@pytest.mark.parametrize(
    ("tail", "usual", "share"),
    [(0.5, 0.8, 1.0), (0.9, 0.8, 0.5), (1.2, 0.8, 0.0), (0.9, None, 1.0), (1.1, None, 0.0), (0.9, 2.0, 1.0)],
)
def test_it_counts_on_calm_ground_and_fades(tail: float, usual: float | None, share: float) -> None:
    card = NEAR.model_copy(update={"rough_tail": 1.0})
    assert card.calm(tail, usual=usual) == pytest.approx(share)


def test_the_logit_has_the_distance_of_the_farthest_cell_less_the_surroundings(
    detector: Detector, looker: SecondLooker, texture: Texture
) -> None:
    image = texture(400, 420)
    background = measured(detector, image)
    assert background.near is not None
    again = Background.of(background.stored)
    assert again.near is not None
    assert again.alarms is not None
    assert np.array_equal(again.near.whiten, background.near.whiten)
    found = detector.on(background).detect(image, gsd_m=GSD_M)
    before = detector.on(replace(background, near=None)).with_threshold(1e-6).detect(image, gsd_m=GSD_M)
    places = {(r, c): n for n, (r, c) in enumerate(zip(before.row, before.col, strict=True))}
    same = [places[r, c] for r, c in zip(found.row, found.col, strict=True)]
    assert len(same) > 20
    halo = HALO_PX
    padded = np.asarray(cv2.copyMakeBorder(image, halo, halo, halo, halo, cv2.BORDER_CONSTANT, value=(FILL,) * 3))
    shape = tuple(-(-extent // 32) * 32 for extent in padded.shape[:2])
    whole, shown = np.full((*shape, 3), FILL, np.uint8), np.zeros(shape, bool)
    whole[: padded.shape[0], : padded.shape[1]] = padded
    shown[: padded.shape[0], : padded.shape[1]] = True
    coarse = detector.runtime(whole).coarse
    assert coarse is not None
    around = background.surroundings(coarse.float(), CONTRAST, shown)[0, 0].numpy()
    middles = np.column_stack([found.row, found.col]).astype(np.int64) + halo
    cells = looker.cells(padded, middles)
    distance = np.stack([background.near.log_distance_of(place) for place in cells]).max(axis=1)
    assert background.near.tail < 8
    nearer = distance - around[tuple(middles.T // 16)]
    expected = logit(before.score.astype(np.float64))[same] + NEAR.bias + NEAR.contrast * nearer
    assert np.allclose(logit(found.score.astype(np.float64)), expected, atol=5e-3)
    assert np.abs(around[tuple(middles.T // 16)]).max() > 0.01


def test_every_tiling_gives_the_same_answer(detector: Detector, texture: Texture) -> None:
    image = texture(138, 541)
    own = detector.on(measured(detector, np.ascontiguousarray(texture(400, 400)[::-1])))
    assert own.background is not None
    assert own.background.near is not None
    own.core_px = 1536
    whole = search(own, image)
    assert len(whole.score) > 20
    for core_px in (128, 256):
        own.core_px = core_px
        same_findings(whole, search(own, image))


def test_on_rough_ground_it_is_neither_measured_nor_counted(
    detector: Detector, looker: SecondLooker, texture: Texture
) -> None:
    image = texture(400, 420)
    calm = measured(detector, image)
    rough = CARD.model_copy(update={"near": NEAR.model_copy(update={"rough_tail": calm.tail / 2})})
    detector.looker = SecondLooker(looker._runtime, looker._look, rough, gsd_m=GSD_M, near=looker._near)
    background = measured(detector, image)
    assert background.near is None
    without = detector.on(background).detect(image, gsd_m=GSD_M)
    carried = detector.on(calm).detect(image, gsd_m=GSD_M)
    assert len(without) > 20
    assert np.array_equal(without.score, carried.score)


def test_the_ground_seen_nearer_is_that_of_imaged_places(looker: SecondLooker) -> None:
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (384, 384, 3)).astype(np.uint8)
    imaged = np.zeros((384, 384), bool)
    imaged[64:320, 64:320] = True
    window = Sampled(pixels, imaged, torch.empty(0))
    ground = measured_near([window] * 3, looker=looker, trimmed=0.0)
    assert ground is not None
    other = pixels.copy()
    other[:32], other[:, :32] = 0, 0  # farther from every place than a view reaches
    again = measured_near([replace(window, pixels=other)] * 3, looker=looker, trimmed=0.0)
    assert again is not None
    assert np.array_equal(ground.mean, again.mean)
    assert measured_near([replace(window, imaged=np.zeros_like(imaged))], looker=looker, trimmed=0.0) is None
    assert PLACES * Middle.CELLS**2 == 96


def test_a_small_thing_stands_out_more_where_it_is_seen_nearer(
    looker: SecondLooker, backbone: EfficientNetLite
) -> None:
    """Discs half a cell wide; how far beyond the ground's own tail each look puts them."""
    rng = np.random.default_rng(7)
    pictures = [
        np.clip(cv2.GaussianBlur(rng.normal(120, 40, (320, 320, 3)), (0, 0), 2.0), 0, 255).astype(np.uint8)
        for _ in range(12)
    ]
    place = np.array([[160, 160]])

    def coarse(picture: NDArray[np.uint8]) -> torch.Tensor:
        with torch.inference_mode():
            levels: tuple[torch.Tensor, ...] = backbone(
                (torch.from_numpy(picture).permute(2, 0, 1)[None].float() - FILL) / 128
            )
            return levels[2]

    cells = np.concatenate([coarse(p)[0, :, 4:-4, 4:-4].flatten(1).T.numpy() for p in pictures])
    ground = measured_background(np.ascontiguousarray(cells), trimmed=0.05)
    everywhere = np.ones((320, 320), bool)
    near = measured_near([Sampled(p, everywhere, torch.empty(0)) for p in pictures], looker=looker, trimmed=0.05)
    assert near is not None
    first, nearer = [], []
    for picture in pictures:
        shown = picture.copy()
        cv2.circle(shown, (160, 160), 4, (150, 150, 90), -1, cv2.LINE_AA)
        first.append(float(ground.log_distance(coarse(shown))[0, 0, 9:11, 9:11].max()) - ground.tail)
        cell = seen_nearer(looker.cells(shown, place), np.zeros(1, np.float32), near, CONTRAST)
        nearer.append(float(cell[0]) - near.tail)
    assert np.mean(nearer) > np.mean(first) + 0.1


@needs_openvino
def test_openvino_sees_the_cells_that_torch_sees(looker: SecondLooker, backbone: EfficientNetLite) -> None:
    picture = np.random.default_rng(6).integers(0, 256, (200, 240, 3)).astype(np.uint8)
    places = np.array([[100, 120], [60, 60], [136, 200]])
    own = SecondLooker(
        looker._runtime, looker._look, CARD, gsd_m=GSD_M, near=OpenVinoViews(Middle(backbone), threads=2)
    )
    expected = looker.cells(picture, places)
    assert expected.shape == (3, 16, 112)
    assert np.allclose(own.cells(picture, places), expected, atol=1e-3)
    assert own.cells(picture, places[:0]).shape == looker.cells(picture, places[:0]).shape == (0, 16, 112)
