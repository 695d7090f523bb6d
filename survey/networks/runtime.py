"""Where the network runs: PyTorch anywhere, OpenVINO on CPUs. One small interface for both."""

import importlib.util
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from survey.errors import ConfigError
from survey.networks.converted import Converted
from survey.networks.network import Heads, SurveyNet
from survey.networks.threads import one_thread


class RuntimeKind(StrEnum):
    """Which library runs the network."""

    AUTO = "auto"
    TORCH = "torch"
    OPENVINO = "openvino"


class Precision(StrEnum):
    """Number format of the trunk; the last layer is float32 in any case."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


class Runtime(Protocol):
    """Runs the network on one tile after another."""

    name: str
    """What ran, for the record: library and precision."""

    def __call__(self, tile: NDArray[np.uint8]) -> Heads:
        """Return the heads of one tile, uint8 (H, W, 3) with H, W multiples of 16."""
        ...


class TorchRuntime:
    """PyTorch on a CUDA device if there is one, else on the CPU."""

    def __init__(self, network: SurveyNet, *, precision: Precision) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        dtype = torch.bfloat16 if precision is Precision.BF16 else torch.float32
        trunk = network.trunk.to(device=self._device, dtype=dtype)
        self._trunk = trunk.to(memory_format=torch.channels_last).eval()
        self._projection = network.projection.to(self._device).eval()
        self.name = f"torch-{self._device.type}-{precision}"

    @torch.inference_mode()
    def __call__(self, tile: NDArray[np.uint8]) -> Heads:
        """Return the heads of one tile (see `Runtime`)."""
        # A (H, W, 3) array seen as (1, 3, H, W) is channels-last already: no copy on the host.
        pixels = torch.from_numpy(np.ascontiguousarray(tile)).permute(2, 0, 1)[None].to(self._device)
        heads: Heads = self._projection(self._trunk(pixels))
        return heads


class OpenVinoRuntime:
    """OpenVINO on the CPU: twice PyTorch's pixels a second in bfloat16 on the same cores."""

    def __init__(self, network: SurveyNet, *, precision: Precision, threads: int) -> None:
        self._trunk = Converted(network.trunk)
        self._projection = network.projection.float().eval()
        self._settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision is Precision.BF16 else "f32",
            "INFERENCE_NUM_THREADS": threads or torch.get_num_threads(),
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._compiled: dict[tuple[int, int], Any] = {}
        self.name = f"openvino-cpu-{precision}"

    @one_thread()  # of PyTorch's, which has the last layers only
    @torch.inference_mode()
    def __call__(self, tile: NDArray[np.uint8]) -> Heads:
        """Return the heads of one tile (see `Runtime`)."""
        height, width, _ = tile.shape
        compiled = self._compiled.get((height, width)) or self._compile(height, width)
        outputs = compiled(np.ascontiguousarray(tile.transpose(2, 0, 1))[None])
        features: list[Tensor] = [torch.from_numpy(outputs[n]) for n in range(4)]
        heads: Heads = self._projection((features[0], features[1], features[2], features[3]))
        return heads

    def _compile(self, height: int, width: int) -> Any:
        """Compile for one static shape and forget the previous one (each holds its own buffers)."""
        compiled = self._trunk.compiled((1, 3, height, width), self._settings)
        self._compiled = {(height, width): compiled}
        return compiled


def make_runtime(network: SurveyNet, *, kind: RuntimeKind, precision: Precision, threads: int = 0) -> Runtime:
    """Return a runtime for the network.

    Args:
        network: In float32 on the CPU; the runtime takes it over.
        kind: `auto` takes CUDA if there is a device, else OpenVINO if it is installed, else PyTorch.
        precision: `auto` takes bfloat16 where the processor has it, else float32.
        threads: CPU threads; 0 leaves the library's choice.

    Raises:
        ConfigError: OpenVINO is asked for and not installed.
    """
    if threads:
        torch.set_num_threads(threads)
    if precision is Precision.AUTO:
        precision = Precision.BF16 if has_bf16() else Precision.FP32
    if kind_here(kind) is RuntimeKind.OPENVINO:
        return OpenVinoRuntime(network, precision=precision, threads=threads)
    return TorchRuntime(network, precision=precision)


def kind_here(kind: RuntimeKind) -> RuntimeKind:
    """Return which library `auto` is here; the others are themselves.

    Raises:
        ConfigError: OpenVINO is asked for and not installed.
    """
    installed = importlib.util.find_spec("openvino") is not None
    if kind is RuntimeKind.OPENVINO and not installed:
        msg = "runtime: openvino is not installed; run `pip install 'survey[cpu]'` or set runtime=torch"
        raise ConfigError(msg)
    if kind is not RuntimeKind.AUTO:
        return kind
    return RuntimeKind.OPENVINO if installed and not torch.cuda.is_available() else RuntimeKind.TORCH


def has_bf16() -> bool:
    """Tell whether bfloat16 arithmetic is native here."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    capabilities: dict[str, bool] = torch.cpu.get_capabilities()  # type: ignore[assignment]
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16"))
