"""Reduced precision and the other runtime find what PyTorch finds in float32; nothing goes over the network."""

import importlib.util
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import nn

from survey.detect import DEFAULT_MODEL, Detector, ModelCard, load_detector
from survey.detect.model import CARD
from survey.networks import Precision, SurveyNet, converted
from survey.networks.runtime import OpenVinoRuntime, TorchRuntime
from survey.resources import models_folder
from survey.simulate import ITEMS, Sun, Terrain, paste, render_item
from survey.values import Detections

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="openvino is not installed; it is the extra `cpu`"
)
needs_release = pytest.mark.skipif(
    not (models_folder() / DEFAULT_MODEL / CARD).is_file(), reason=f"no released model {DEFAULT_MODEL} in models/"
)


@pytest.fixture(scope="module")
def scene() -> NDArray[np.uint8]:
    """Simulated ground of 6 m with a dozen rendered items on it."""
    rng, sun = np.random.default_rng(4), Sun(azimuth_deg=140, elevation_deg=45)
    image = Terrain(seed=11, gsd_m=0.01, sun=sun).window(0, 0, 600, 600).copy()
    kinds = sorted(ITEMS)
    for n in range(12):
        sprite = render_item(kinds[n % len(kinds)], gsd_m=0.01, sun=sun, rng=rng)
        paste(image, sprite, row=100 + 130 * (n // 4), col=80 + 140 * (n % 4))
    return image


def objects_shared(first: Detections, second: Detections, *, within_px: float = 8.0, classes: bool = True) -> float:
    """Return the share of `first` that `second` holds too within two cells, in the same class unless any will do."""
    distance, match = cKDTree(np.column_stack([second.row, second.col])).query(
        np.column_stack([first.row, first.col]), distance_upper_bound=within_px
    )
    near = np.isfinite(distance)
    same = second.class_index[np.where(near, match, 0)] == first.class_index
    return float(np.mean(near & (same | (not classes))))


@needs_release
def test_bf16_finds_the_objects_that_fp32_finds(scene: NDArray[np.uint8]) -> None:
    fp32, bf16 = (load_detector(runtime="torch", precision=p) for p in ("fp32", "bf16"))
    # Those near a threshold may fall on either side of it: compare what is plain in one with all of the other.
    plain, all_of_it = 0.08, 0.04
    for one, other in ((fp32, bf16), (bf16, fp32)):
        found, more = one.with_threshold(plain).detect(scene, gsd_m=0.01), other.with_threshold(all_of_it)
        assert len(found) >= 6
        seen = more.detect(scene, gsd_m=0.01)
        assert objects_shared(found, seen, classes=False) == 1
        assert objects_shared(found, seen) > 0.9  # a class may be just likely, or just not


@needs_release
@needs_openvino
def test_openvino_finds_what_torch_finds_with_the_released_model(scene: NDArray[np.uint8]) -> None:
    first, second = (
        load_detector(runtime=runtime, precision="fp32").with_threshold(0.04).detect(scene, gsd_m=0.01)
        for runtime in ("torch", "openvino")
    )
    assert len(first) == len(second) >= 6
    assert objects_shared(first, second, within_px=0.05) == 1
    assert np.sort(first.score) == pytest.approx(np.sort(second.score), abs=1e-3)


@needs_openvino
def test_openvino_agrees_with_torch_in_fp32(
    card: ModelCard, network: SurveyNet, texture: Callable[[int, int], NDArray[np.uint8]]
) -> None:
    image = texture(160, 200)
    other = OpenVinoRuntime(network, precision=Precision.FP32, threads=1)
    found = Detector(card, other, sha256="", core_px=128).detect(image, gsd_m=0.01)
    own = Detector(card, TorchRuntime(network, precision=Precision.FP32), sha256="").detect(image, gsd_m=0.01)
    assert len(own) > 20
    # Cells within float tolerance of the threshold may differ.
    assert abs(len(own) - len(found)) <= 1
    strong = own.take(own.score > 0.31)
    assert objects_shared(strong, found, within_px=0.05) == 1
    assert np.sort(strong.score)[-10:] == pytest.approx(np.sort(found.score)[-10:], abs=1e-3)


_WATCHED = """
import sys
def watch(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        sys.stderr.write(f"SENT {event} {arguments}\\n")
sys.addaudithook(watch)
import socket
def refused(*_):
    sys.stderr.write("SENT\\n")
    raise OSError("no network in this test")
socket.socket.connect = socket.socket.connect_ex = refused
import numpy as np, torch
torch.set_num_threads(1)
from survey.networks.network import SurveyNet
from survey.networks.runtime import Precision, RuntimeKind, make_runtime
runtime = make_runtime(
    SurveyNet(classes=1, disturbances=1).eval(), kind=RuntimeKind.OPENVINO, precision=Precision.FP32, threads=1
)
print(runtime(np.zeros((64, 64, 3), np.uint8)).heat.shape[-1], "openvino" in sys.modules)
"""


@needs_openvino
def test_equal_networks_are_converted_once_and_others_on_their_own(
    network: SurveyNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conversion is never given back to the system: a model for each flight would fill the memory."""
    count, convert = [0], converted._convert

    def counted(part: nn.Module) -> object:
        count[0] += 1
        return convert(part)

    monkeypatch.setattr(converted, "_convert", counted)
    monkeypatch.setattr(converted, "_converted", OrderedDict())
    tile = np.random.default_rng(3).integers(0, 256, (128, 128, 3), np.uint8)

    def heat(of: SurveyNet) -> NDArray[np.float32]:
        runtime = OpenVinoRuntime(of, precision=Precision.FP32, threads=1)
        return np.asarray(runtime(tile).heat.numpy())

    first, again = heat(network), heat(network)
    assert count == [1]
    assert np.array_equal(first, again)
    before = deepcopy(network)
    with torch.no_grad():
        network.trunk.lateral16.weight.mul_(1.5)
    changed = heat(network)
    assert count == [2]
    expected = TorchRuntime(deepcopy(network), precision=Precision.FP32)(tile).heat.numpy()
    assert np.abs(changed - expected).max() < 1e-3 < np.abs(changed - first).max()
    assert np.array_equal(heat(before), first)
    assert count == [2]


@needs_openvino
def test_openvino_opens_no_connection() -> None:
    """In a process of its own, so that the import and the exit are watched too: openvino ships a telemetry package."""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", _WATCHED], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["16", "True"]
    assert "SENT" not in done.stderr
