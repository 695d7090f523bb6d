"""The processes that train one network together, started by `torchrun`; usually there is only one.

Every process composes its own crops of a step. Three sums make of them one training: the counts
that the losses are divided by, the statistics of batch normalisation, and the gradients. The
gradients are summed once a step, after the last micro-batch, in one flat buffer (13 MB here).
DistributedDataParallel would average them, and each process' loss is already a share of the whole.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

Item = TypeVar("Item")


def _first_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True, slots=True)
class World:
    """This process' place among those that train together."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=_first_device)

    @property
    def leads(self) -> bool:
        """Whether this process writes checkpoints, logs and the model."""
        return self.rank == 0

    def summed(self, tensor: Tensor) -> Tensor:
        """Sum a tensor over all processes, in place; return it."""
        if self.size > 1:
            distributed.all_reduce(tensor)
        return tensor

    def gathered(self, items: Sequence[Item]) -> list[Item]:
        """Return the items of all processes, the same list in each."""
        if self.size == 1:
            return list(items)
        parts: list[list[Item]] = [[] for _ in range(self.size)]
        distributed.all_gather_object(parts, list(items))
        return [item for part in parts for item in part]

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Sum the gradients over all processes, in place. A parameter without a gradient counts as 0."""
        if self.size == 1:
            return
        own = list(parameters)
        for parameter in own:
            if parameter.grad is None:  # every process must bring the same buffer
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in own if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))

    def wait(self) -> None:
        """Wait for all processes."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def join_world() -> Iterator[World]:
    """Join the processes that `torchrun` started; without it, this process is alone.

    NCCL carries the sums between GPUs, gloo between processors.
    """
    if not distributed.is_torchelastic_launched():
        yield World()
        return
    device = _first_device()
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield World(distributed.get_rank(), distributed.get_world_size(), device)
    finally:
        distributed.destroy_process_group()
