"""Whatever runs the second look's network, and however places are batched, a view is described by itself alone."""

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from survey.detect import DEFAULT_MODEL, load_detector
from survey.networks import RuntimeKind
from survey.networks.backbone import BACKBONES, DeepEnd, EfficientNetLite
from survey.networks.close_up import CloseUp, Middle
from survey.networks.converted import Converted
from survey.networks.view_runtime import OpenVinoViews, TorchViews, ViewRuntime, make_view_runtime
from tests.networks.test_runtime import needs_openvino, needs_release

installed = importlib.util.find_spec("openvino") is not None


@pytest.fixture(scope="module")
def close_up() -> CloseUp:
    """The whole ImageNet network."""
    backbone, deep = EfficientNetLite(BACKBONES["lite0"]), DeepEnd(BACKBONES["lite0"])
    backbone.load_imagenet()
    deep.load_imagenet()
    return CloseUp(backbone, deep).eval()


def views_of(px: int, *, count: int = 11) -> NDArray[np.uint8]:
    return np.random.default_rng(px).integers(0, 256, (count, px, px, 3)).astype(np.uint8)


@pytest.fixture(params=[(TorchViews, 1), (TorchViews, 2), (OpenVinoViews, 1), (OpenVinoViews, 2)], ids=str)
def runtime(request: pytest.FixtureRequest, close_up: CloseUp) -> ViewRuntime:
    """Each library with one thread and with two."""
    library, threads = request.param
    torch.set_num_threads(threads)
    if library is TorchViews:
        return TorchViews(deepcopy(close_up))
    if not installed:
        pytest.skip("openvino is not installed; it is the extra `cpu`")
    return OpenVinoViews(deepcopy(close_up), threads=threads)


@pytest.mark.parametrize("px", [128, 160])
def test_a_view_is_described_alike_by_itself_and_among_others(runtime: ViewRuntime, close_up: CloseUp, px: int) -> None:
    views = views_of(px)
    with torch.inference_mode():
        expected = close_up(torch.from_numpy(views).permute(0, 3, 1, 2)).numpy()
    assert expected.shape == (11, close_up.features)
    described = runtime(views)
    assert described.dtype == np.float32
    assert np.allclose(described, expected, atol=2e-3, rtol=1e-3)  # bfloat16 is off by a tenth and more
    for size in (1, 3, 5):
        parts = np.concatenate([runtime(views[n : n + size]) for n in range(0, len(views), size)])
        assert np.allclose(parts, described, atol=1e-4)
    mixed = runtime(np.concatenate([views[::-1], views_of(px, count=2)[1:]]))
    assert np.allclose(mixed[:11], described[::-1], atol=1e-4)
    assert runtime(views[:0]).shape == (0, close_up.features)


@needs_openvino
def test_on_openvino_neither_batches_nor_threads_change_a_bit(close_up: CloseUp) -> None:
    views = views_of(128)
    one, two = (OpenVinoViews(deepcopy(close_up), threads=threads) for threads in (1, 2))
    described = one(views)
    assert np.array_equal(two(views), described)
    assert np.array_equal(two(views[::-1])[::-1], described)
    assert np.array_equal(np.concatenate([two(views[n : n + 1]) for n in range(len(views))]), described)


@needs_openvino
def test_openvino_converts_when_the_first_view_comes_and_once(
    close_up: CloseUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Converted] = []

    class Counted(Converted):
        def __init__(self, network: torch.nn.Module) -> None:
            super().__init__(network)
            made.append(self)

    monkeypatch.setattr("survey.networks.view_runtime.Converted", Counted)
    runtime = OpenVinoViews(deepcopy(close_up), threads=1)
    runtime(views_of(128, count=0))
    assert not made
    for px in (128, 160, 128):
        runtime(views_of(px, count=2))
    assert len(made) == 1


def test_torch_leaves_its_number_of_threads_as_it_was(close_up: CloseUp) -> None:
    torch.set_num_threads(2)
    TorchViews(deepcopy(close_up))(views_of(128))
    assert torch.get_num_threads() == 2
    with ThreadPoolExecutor(1) as pool:  # a thread that begins later
        assert pool.submit(torch.get_num_threads).result() == 2


def test_the_library_is_the_one_that_the_first_look_takes(close_up: CloseUp, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(make_view_runtime(deepcopy(close_up), kind=RuntimeKind.TORCH), TorchViews)
    auto = make_view_runtime(deepcopy(close_up), kind=RuntimeKind.AUTO)
    assert isinstance(auto, OpenVinoViews if installed and not torch.cuda.is_available() else TorchViews)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    made: list[CloseUp] = []
    monkeypatch.setattr("survey.networks.view_runtime.TorchViews", made.append)
    make_view_runtime(close_up, kind=RuntimeKind.AUTO)
    assert made == [close_up]


@needs_release
@pytest.mark.parametrize("kind", [RuntimeKind.TORCH, RuntimeKind.AUTO])
def test_a_detector_looks_again_as_it_was_told_to(kind: RuntimeKind, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[RuntimeKind, int]] = []

    def make(network: CloseUp | Middle, *, kind: RuntimeKind, threads: int) -> ViewRuntime:
        told.append((kind, threads))
        return make_view_runtime(network, kind=kind, threads=threads)

    monkeypatch.setattr("survey.detect.load.make_view_runtime", make)
    load_detector(DEFAULT_MODEL, runtime=kind, threads=2)
    assert told == [(kind, 2)] * 2  # for its views, and for the ground seen nearer
