"""Where the second look's network runs: as the first look's, but in float32, and a place on one thread.

Views are small. Threads that share one wait for each other after each of its layers; beside a job that keeps a core
busy they wait for the scheduler too. So each thread takes views of its own.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from survey.networks.close_up import CloseUp, Middle
from survey.networks.converted import Converted
from survey.networks.runtime import RuntimeKind, kind_here

_TOGETHER = {"cpu": 4, "cuda": 32}
"""Views that PyTorch takes together, by device; on a processor those of one thread."""
_MOST_STREAMS = 8
"""Threads of OpenVINO that take views: each has buffers of its own, and most tiles show fewer places."""


class ViewRuntime(Protocol):
    """Describes views of places."""

    def __call__(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features, (N, D), of views of one size, uint8 (N, px, px, 3)."""
        ...


class TorchViews:
    """PyTorch on a CUDA device if there is one, else on the CPU with its number of threads."""

    def __init__(self, network: CloseUp | Middle) -> None:
        """Take over a network."""
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network = network.float().to(self._device).eval()

    def __call__(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features of views (see `ViewRuntime`)."""
        size, threads = _TOGETHER[self._device.type], torch.get_num_threads()
        parts = [views[n : n + size] for n in range(0, len(views), size)]
        if self._device.type != "cpu" or threads == 1:
            return self._joined([self._part(part) for part in parts])
        try:
            with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                return self._joined(list(pool.map(self._part, parts)))
        finally:
            torch.set_num_threads(threads)  # what a thread sets, threads that begin later have too

    @torch.inference_mode()
    def _part(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        pixels = torch.from_numpy(views).permute(0, 3, 1, 2).to(self._device)
        return np.asarray(self._network(pixels).cpu().numpy())

    def _joined(self, parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        return np.concatenate([np.empty((0, self._network.features), np.float32), *parts])


class OpenVinoViews:
    """OpenVINO on the CPU, one view after another on each thread: what is said of one does not hang on the others.

    Converted and compiled when the first view comes, which takes a second or two of processor time: a process that
    only plans needs neither.
    """

    def __init__(self, network: CloseUp | Middle, *, threads: int) -> None:
        """Take over a network."""
        self._network, self._streams = network.float().eval(), min(threads, _MOST_STREAMS)
        self._queues: dict[int, Any] = {}

    def __call__(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features of views (see `ViewRuntime`)."""
        described = np.empty((len(views), self._network.features), np.float32)
        if not len(views):
            return described

        def keep(request: Any, number: int) -> None:
            described[number] = request.get_output_tensor(0).data[0]

        queue = self._queue(views.shape[1])
        queue.set_callback(keep)
        for number, view in enumerate(views):
            queue.start_async({0: np.ascontiguousarray(view.transpose(2, 0, 1))[None]}, number)
        queue.wait_all()
        return described

    @cached_property
    def _converted(self) -> Converted:
        return Converted(self._network)

    def _queue(self, px: int) -> Any:
        """Return the queue of views of one size, compiled for a batch of one."""
        if px not in self._queues:
            # In bfloat16 logits would move by 0.2 (DESIGN.md), and sightings come and go.
            settings: dict[str, str | int] = {
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": self._streams,
                "NUM_STREAMS": self._streams,
            }
            compiled = self._converted.compiled((1, 3, px, px), settings)
            from openvino import AsyncInferQueue  # noqa: PLC0415 - optional dependency

            self._queues[px] = AsyncInferQueue(compiled, self._streams)
        return self._queues[px]


def make_view_runtime(network: CloseUp | Middle, *, kind: RuntimeKind, threads: int = 0) -> ViewRuntime:
    """Return a runtime for views, of the same kind as `make_runtime` takes.

    Args:
        network: In float32 on the CPU; the runtime takes it over.
        kind: As for the first look.
        threads: CPU threads; 0 leaves the library's choice.

    Raises:
        ConfigError: OpenVINO is asked for and not installed.
    """
    if kind_here(kind) is RuntimeKind.OPENVINO:
        return OpenVinoViews(network, threads=threads or torch.get_num_threads())
    return TorchViews(network)
