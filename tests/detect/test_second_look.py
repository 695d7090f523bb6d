"""A second look: the published network's deep end, the flight's own alarms as the measure, one answer a tiling."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import logit

from survey.detect import Detector, ModelCard
from survey.detect.alarms import LEAST_ALARMS, alarms_in, measured_alarms
from survey.detect.background import Background, Sampled, measured_background
from survey.detect.contrast import ContrastCard
from survey.detect.decode import Separation
from survey.detect.second_look import SecondLookCard, SecondLooker, View
from survey.networks import Precision, SurveyNet
from survey.networks.backbone import BACKBONES, DeepEnd, EfficientNetLite, _published_names, _weights_file
from survey.networks.close_up import CloseUp, SecondLook
from survey.networks.runtime import TorchRuntime
from survey.networks.view_runtime import OpenVinoViews, TorchViews
from tests.detect.test_detector import same_findings, search
from tests.networks.test_runtime import needs_openvino

Texture = Callable[[int, int], NDArray[np.uint8]]
CARD = SecondLookCard(
    others=1.0,
    items=0.25,
    bias=-0.2,
    trimmed=0.25,
    most_like=1e9,
    alarms_a_window=4.0,
    features=8,
    views=(View(extent_m=0.32, px=128), View(extent_m=0.64, px=160)),
    margin=2.0,
    least_logit=-4.0,
)
GSD_M = 0.01
HALO_PX = 224


@pytest.fixture(scope="module")
def backbone() -> EfficientNetLite:
    """As ImageNet taught it."""
    net = EfficientNetLite(BACKBONES["lite0"])
    net.load_imagenet()
    return net.eval()


@pytest.fixture(scope="module")
def look() -> SecondLook:
    """ImageNet's deep end, and random directions."""
    look = SecondLook("lite0", views=len(CARD.views), features=CARD.features)
    look.deep.load_imagenet()
    torch.manual_seed(1)
    look.basis.copy_(torch.randn(look.basis.shape) / look.basis.shape[1] ** 0.5)
    return look


@pytest.fixture(scope="module")
def close_up(backbone: EfficientNetLite, look: SecondLook) -> CloseUp:
    """The whole ImageNet network."""
    return CloseUp(backbone, look.deep)


@pytest.fixture(scope="module")
def looker(close_up: CloseUp, look: SecondLook) -> SecondLooker:
    """ImageNet features, told by random directions."""
    return SecondLooker(TorchViews(close_up), look, CARD, gsd_m=GSD_M)


@pytest.fixture
def detector(card: ModelCard, network: SurveyNet, looker: SecondLooker) -> Detector:
    """The toy model, which compares with the ground and looks again."""
    part = ContrastCard(heat=0.5, contrast=9.0, bias=1.0, trimmed=0.05)
    with torch.no_grad():  # centres lie in the middle of their cells
        network.projection.geometry.weight.zero_()
    card = card.model_copy(update={"contrast": part, "halo_px": HALO_PX})
    return Detector(card, TorchRuntime(network, precision=Precision.FP32), sha256="", looker=looker)


def sampled(size: int = 384, *, things: dict[tuple[int, int], float]) -> Sampled:
    """Return a window whose coarse features are noise and, in some cells, far from it."""
    rng = np.random.default_rng(4)
    coarse = rng.normal(size=(1, 6, size // 16, size // 16)).astype(np.float32)
    for cell, strength in things.items():
        coarse[0, :, *cell] = strength
    imaged = np.zeros((size, size), bool)
    imaged[64:-64, 64:-64] = True
    pixels = rng.integers(0, 256, (size, size, 3)).astype(np.uint8)
    return Sampled(pixels, imaged, torch.from_numpy(coarse))


def ground_of(*windows: Sampled) -> Background:
    cells = np.concatenate([w.coarse[0].flatten(1).T.numpy() for w in windows])
    return measured_background(np.ascontiguousarray(cells), trimmed=0.05)


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_backbone_and_deep_end_are_the_whole_published_network(name: str) -> None:
    spec = BACKBONES[name]
    backbone, deep = EfficientNetLite(spec), DeepEnd(spec)
    ours = {**_published_names(backbone, 0)}, {**_published_names(deep, len(spec.blocks))}
    published = torch.load(_weights_file(spec.package), map_location="cpu", weights_only=True)
    taken = [*ours[0].values(), *ours[1].values()]
    assert sorted(taken) == sorted(set(published) - {"_fc.weight", "_fc.bias"})
    deep.load_imagenet()
    assert torch.equal(deep.state_dict()["head.0.weight"], published["_conv_head.weight"])
    assert deep(torch.zeros(1, spec.channels[2], 8, 10)).shape == (1, 1280, 4, 5)


def test_a_place_is_described_by_its_own_views_alone(looker: SecondLooker) -> None:
    picture = np.random.default_rng(2).integers(0, 256, (200, 240, 3)).astype(np.uint8)
    places = np.array([[100, 120], [60, 60], [136, 200]])
    described = looker.describe(picture, places)
    other = picture.copy()
    other[: 100 - looker.reach_px] = 0
    other[:, : 120 - looker.reach_px] = 0
    assert np.array_equal(looker.describe(other, places[:1]), looker.describe(picture, places[:1]))
    other[100, 120] ^= 255
    assert not np.array_equal(looker.describe(other, places[:1]), looker.describe(picture, places[:1]))
    for n in range(len(places)):
        assert np.allclose(looker.describe(picture, places[n : n + 1])[0], described[n], atol=1e-4)
    assert looker.describe(picture, places[:0]).shape == (0, described.shape[1])


@pytest.mark.parametrize("library", [TorchViews, pytest.param(OpenVinoViews, marks=needs_openvino)])
def test_what_is_seen_at_a_place_does_not_hang_on_library_and_batch(
    library: type, looker: SecondLooker, close_up: CloseUp, look: SecondLook, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = np.random.default_rng(6).integers(0, 256, (200, 240, 3)).astype(np.uint8)
    places = np.array([[100, 120], [60, 60], [136, 200], [99, 33], [40, 150]])
    expected = looker(picture, places)
    runtime = TorchViews(close_up) if library is TorchViews else OpenVinoViews(close_up, threads=2)
    own = SecondLooker(runtime, look, CARD, gsd_m=GSD_M)
    for together in (1, 2, 64):
        monkeypatch.setattr("survey.detect.second_look._TOGETHER", together)
        for order in (np.arange(5), np.array([4, 2, 0, 1, 3])):
            seen = own(picture, places[order])
            assert np.allclose(seen.features, expected.features[order], atol=1e-3)
            assert np.allclose(seen.likeness, expected.likeness[order], atol=1e-3)


@pytest.mark.parametrize("place", [(31, 100), (100, 209), (169, 100)])
def test_a_view_beyond_the_picture_is_refused(looker: SecondLooker, place: tuple[int, int]) -> None:
    assert looker.reach_px == 32
    with pytest.raises(ValueError, match="less than 32 px from the edge"):
        looker.describe(np.zeros((200, 240, 3), np.uint8), np.array([place]))


def test_alarms_are_what_stands_out_in_a_window_apart_from_each_other_and_imaged() -> None:
    things = {(10, 10): 20.0, (10, 11): 12.0, (16, 7): 8.0, (5, 12): 30.0, (2, 2): 40.0}
    window = sampled(things=things)
    # Of the first two one is kept, the last but one is too near to the edge, the last was not imaged.
    strength, places = alarms_in(window, ground_of(window), margin_px=96, separation=Separation(40.0))
    strongest = places[np.argsort(-strength)][:2]
    assert np.abs(strongest - np.array([[10 * 16 + 8, 10 * 16 + 8], [16 * 16 + 8, 7 * 16 + 8]])).max() <= 8
    assert ((places >= 96) & (places <= 384 - 96)).all()
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))[np.triu_indices(len(places), 1)]
    assert apart.min() >= 40
    hidden = Sampled(window.pixels, np.zeros_like(window.imaged), window.coarse)
    assert len(alarms_in(hidden, ground_of(window), margin_px=96, separation=Separation(40.0))[0]) == 0


def test_the_strongest_alarms_are_measured_so_many_for_each_window(looker: SecondLooker) -> None:
    windows = [sampled(things={(9 + n, 9): 9.0 + n, (13, 15): 20.0 - n}) for n in range(6)]
    ground = ground_of(*windows)
    separation = Separation(25.0)
    found = [alarms_in(w, ground, margin_px=looker.reach_px, separation=separation) for w in windows]
    assert sum(len(s) for s, _ in found) > 24
    least = np.sort(np.concatenate([s for s, _ in found]))[-24]
    features = np.concatenate(
        [looker(w.pixels, places[s >= least]).features for w, (s, places) in zip(windows, found, strict=True)]
    )
    assert len(features) == 24 == CARD.alarms_a_window * len(windows)
    expected = measured_background(features, trimmed=CARD.trimmed)
    measured = measured_alarms(ground, windows, looker=looker, separation=separation)
    assert measured is not None
    assert np.allclose(measured.mean, expected.mean)
    assert np.allclose(measured.whiten, expected.whiten)
    assert CARD.alarms_a_window * 3 < LEAST_ALARMS
    assert measured_alarms(ground, windows[:3], looker=looker, separation=separation) is None


def test_the_logit_is_that_of_the_first_look_and_what_the_second_adds(
    detector: Detector, looker: SecondLooker, texture: Texture
) -> None:
    image = texture(400, 420)
    (meter := detector.meter()).add_picture(image, windows=9)
    background = detector.background_of(meter)
    assert background.alarms is not None
    again = Background.of(background.stored)
    assert again.alarms is not None
    assert np.array_equal(again.alarms.whiten, background.alarms.whiten)
    found = detector.on(background).detect(image, gsd_m=GSD_M)
    first = Detector(detector.card, detector.runtime, sha256="").with_threshold(0.001)
    before = first.on(Background(background.mean, background.whiten, background.tail)).detect(image, gsd_m=GSD_M)
    places = {(r, c): n for n, (r, c) in enumerate(zip(before.row, before.col, strict=True))}
    same = [places[r, c] for r, c in zip(found.row, found.col, strict=True)]
    assert len(same) > 20
    middles = np.column_stack([before.row, before.col])[same]
    padded = cv2.copyMakeBorder(image, 32, 32, 32, 32, cv2.BORDER_CONSTANT, value=(127, 127, 127))
    looks = looker(np.asarray(padded, np.uint8), middles.astype(np.int64) + 32)
    more = CARD.bias + CARD.items * looks.likeness + CARD.others * background.alarms.log_distance_of(looks.features)
    expected = logit(before.score.astype(np.float64))[same] + more
    assert np.allclose(logit(found.score.astype(np.float64)), expected, atol=2e-3)
    assert found.score.min() > detector.card.thresholds.score


def test_where_alarms_cannot_be_measured_likeness_alone_is_added(
    detector: Detector, looker: SecondLooker, texture: Texture
) -> None:
    image = texture(400, 420)
    (meter := detector.meter()).add_picture(image, windows=9)
    background = replace(detector.background_of(meter), alarms=None)
    found = detector.on(background).detect(image, gsd_m=GSD_M)
    first = Detector(detector.card, detector.runtime, sha256="").with_threshold(0.001)
    before = first.on(background).detect(image, gsd_m=GSD_M)
    places = {(r, c): n for n, (r, c) in enumerate(zip(before.row, before.col, strict=True))}
    same = [places[r, c] for r, c in zip(found.row, found.col, strict=True)]
    assert len(same) > 20
    middles = np.column_stack([before.row, before.col])[same].astype(np.int64)
    padded = cv2.copyMakeBorder(image, 32, 32, 32, 32, cv2.BORDER_CONSTANT, value=(127, 127, 127))
    likeness = looker(np.asarray(padded, np.uint8), middles + 32).likeness
    expected = logit(before.score.astype(np.float64))[same] + CARD.items * likeness
    assert np.allclose(logit(found.score.astype(np.float64)), expected, atol=2e-3)


def test_every_tiling_gives_the_same_answer(detector: Detector, texture: Texture) -> None:
    image = texture(138, 541)
    (meter := detector.meter()).add_picture(texture(400, 400)[::-1], windows=9)
    own = detector.on(detector.background_of(meter))
    own.core_px = 1536
    whole = search(own, image)
    assert len(whole.score) > 20
    for core_px in (128, 256):
        own.core_px = core_px
        same_findings(whole, search(own, image))


def test_what_is_odd_among_the_alarms_lies_far_from_what_there_is_much_of(looker: SecondLooker) -> None:
    rng = np.random.default_rng(8)
    cells = [(r, c) for r in (7, 10, 13, 16) for c in (7, 10, 13, 16)]
    windows = [sampled(things=dict.fromkeys(cells, 20.0)) for _ in range(4)]
    for number, window in enumerate(windows):
        window.pixels[:] = np.clip(cv2.GaussianBlur(rng.normal(110, 25, (384, 384, 3)), (0, 0), 1.5), 0, 255)
        for row, col in cells:
            at = (col * 16 + 8, row * 16 + 8)
            if (number, row, col) == (1, 10, 13):
                cv2.rectangle(window.pixels, (at[0] - 9, at[1] - 9), (at[0] + 9, at[1] + 9), (150, 70, 60), 3)
            else:
                cv2.circle(window.pixels, at, int(rng.integers(6, 9)), (170, 165, 155), -1, cv2.LINE_AA)
    alarms = measured_alarms(ground_of(*windows), windows, looker=looker, separation=Separation(25.0))
    assert alarms is not None
    places = np.array(cells) * 16 + 8
    distance = np.array([alarms.log_distance_of(looker(w.pixels, places).features) for w in windows])
    odd = distance[1, cells.index((10, 13))]
    print(f"odd {odd:.2f}, others {np.sort(distance.ravel())[-5:]}")  # noqa: T201
    assert odd == distance.max()
    assert odd > np.median(distance) + 0.5
