"""A network as OpenVINO has it: converted in memory, compiled for static shapes."""

import hashlib
import sys
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from copy import deepcopy
from threading import Lock
from typing import Any

import torch
from torch import nn

from survey.networks.threads import one_thread

_EXAMPLE_PX = 128
"""Edge of the picture that a network is traced with; the least view of a second look."""
_KEPT = 6
"""Networks that a process keeps converted, the ones used last: the three of two models."""
_converted: "OrderedDict[str, Any]" = OrderedDict()
"""By `_digest`. What a conversion leaves in memory, some 70 MB for both looks, is never given back, so a process that
loads a model for each of many flights would grow without end."""
_lock = Lock()


class Converted:
    """A network that takes uint8 (N, 3, H, W). Networks that are equal share their weights."""

    def __init__(self, network: nn.Module) -> None:
        """Convert a network, if it is not kept; it is float32 and in evaluation mode from now on."""
        key = _digest(network.float().eval())
        with _lock:
            if key not in _converted:
                _converted[key] = _convert(deepcopy(network))  # whose weights nobody changes
            _converted.move_to_end(key)
            while len(_converted) > _KEPT:
                _converted.popitem(last=False)
            self._model = _converted[key].clone()

    def compiled(self, shape: tuple[int, int, int, int], settings: Mapping[str, str | int]) -> Any:
        """Compile for pixels of one shape (N, 3, H, W) on the CPU; each result holds buffers of its own."""
        import openvino  # noqa: PLC0415 - optional dependency

        self._model.reshape(list(shape))
        return openvino.Core().compile_model(self._model, "CPU", dict(settings))


@one_thread()  # it is run once, as an example
def _convert(network: nn.Module) -> Any:
    _forbid_telemetry()
    from openvino.frontend import FrontEndManager  # noqa: PLC0415 - optional dependency
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder  # noqa: PLC0415

    example = torch.zeros(1, 3, _EXAMPLE_PX, _EXAMPLE_PX, dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's notes on its own deprecation
        decoder = TorchScriptPythonDecoder(network, example_input=(example,))
    front = FrontEndManager().load_by_framework("pytorch")
    return front.convert(front.load(decoder))


def _digest(network: nn.Module) -> str:
    """Return what decides a network: its modules and all that they hold."""
    digest = hashlib.blake2b(repr(network).encode())
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _forbid_telemetry() -> None:
    """Keep openvino from reporting to its makers: as it is, its mere import sends a message.

    With its telemetry package out of reach it takes its own silent stand-in. To be called before
    every import of it.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
