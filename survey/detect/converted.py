"""A network as OpenVINO has it: converted in memory, compiled for static shapes."""

import sys
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from survey.detect.threads import one_thread

_EXAMPLE_PX = 128
"""Edge of the picture that a network is traced with; the least view of a second look."""


class Converted:
    """A network that takes uint8 (N, 3, H, W). Its weights are shared, not copied."""

    @one_thread()  # it is run once, as an example
    def __init__(self, network: nn.Module) -> None:
        """Convert a network; it is float32 and in evaluation mode from now on."""
        _forbid_telemetry()
        from openvino.frontend import FrontEndManager  # noqa: PLC0415 - optional dependency
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder  # noqa: PLC0415

        example = torch.zeros(1, 3, _EXAMPLE_PX, _EXAMPLE_PX, dtype=torch.uint8)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracer's notes on its own deprecation
            decoder = TorchScriptPythonDecoder(network.float().eval(), example_input=(example,))
        front = FrontEndManager().load_by_framework("pytorch")
        self._model = front.convert(front.load(decoder))

    def compiled(self, shape: tuple[int, int, int, int], settings: Mapping[str, str | int]) -> Any:
        """Compile for pixels of one shape (N, 3, H, W) on the CPU; each result holds buffers of its own."""
        import openvino  # noqa: PLC0415 - optional dependency

        self._model.reshape(list(shape))
        return openvino.Core().compile_model(self._model, "CPU", dict(settings))


def _forbid_telemetry() -> None:
    """Keep openvino from reporting to its makers: as it is, its mere import sends a message.

    With its telemetry package out of reach it takes its own silent stand-in. To be called before
    every import of it.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
