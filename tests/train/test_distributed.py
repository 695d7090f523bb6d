"""Two processes with half the crops each train as one process does with all of them."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import distributed, nn

from survey.datasets.sources import Sources
from survey.train.distributed import World, join_world
from survey.train.syncnorm import SyncNorm, synchronise
from tests.train.ranks import train

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def torchrun(folder: Path, *, ranks: int) -> None:
    """Run `ranks.py` in processes that talk over the loopback only."""
    here = {"MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    here["PYTHONFAULTHANDLER"] = "1"  # should a rank die of a signal, its stack is told
    place = ["--master-addr", "127.0.0.1", "--master-port", str(free_port()), "--nproc-per-node", str(ranks)]
    command = [sys.executable, "-m", "torch.distributed.run", *place, "-m", "tests.train.ranks", str(folder)]
    done = subprocess.run(
        command, check=False, env=os.environ | here, cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="two processes on processors; here is a GPU")
def test_two_processes_train_as_one_with_the_doubled_batch(sources: Sources, tmp_path: Path) -> None:
    """Checkpoint and resume in between, two micro-batches a step."""
    alone, together = tmp_path / "alone", tmp_path / "together"
    alone.mkdir()
    together.mkdir()
    torchrun(together, ranks=2)
    train(alone, World(), sources=sources)
    expected = torch.load(alone / "losses-0.pt")
    assert len(expected) == 4
    for rank in range(2):  # each knows the loss of all
        losses = torch.load(together / f"losses-{rank}.pt")
        assert losses[:1] == pytest.approx(expected[:1], rel=1e-5)
        assert losses == pytest.approx(expected, rel=5e-4)
    mean, one, two = (torch.load(p) for p in (alone / "mean-0.pt", together / "mean-0.pt", together / "mean-1.pt"))
    for name, value in mean.items():
        assert torch.equal(one[name], two[name]), name
        assert torch.allclose(one[name].float(), value.float(), rtol=1e-2, atol=2e-3), name
    spots = [torch.load(together / f"spots-{rank}.pt") for rank in range(2)]
    assert len(spots[0]) == 6
    assert spots[0] == spots[1]


@pytest.fixture
def group() -> Iterator[None]:
    """A process group of one, whose sums are its own values."""
    store = distributed.HashStore()  # type: ignore[attr-defined]
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def test_the_synchronised_normalisation_of_one_process_is_torchs_own(group: object) -> None:
    torch.manual_seed(0)
    plain = nn.BatchNorm2d(5, eps=1e-3, momentum=0.01)
    plain.weight.data.uniform_(0.5, 2)
    plain.bias.data.normal_()
    network = nn.Sequential(nn.BatchNorm2d(5, eps=1e-3, momentum=0.01))
    network[0].load_state_dict(plain.state_dict())
    synchronise(network, World(0, 2, torch.device("cpu")))
    assert isinstance(network[0], SyncNorm)
    x = torch.randn(3, 5, 4, 6) * 3 + 50  # far from zero: a difference of squares would lose it
    upstream = torch.randn(3, 5, 4, 6)
    results = []
    for module in (plain, network):
        own = x.clone().requires_grad_()
        y = module(own)
        (y * upstream).sum().backward()
        results.append([y.detach(), own.grad, *(p.grad for p in module.parameters()), *module.buffers()])
    for one, two in zip(*results, strict=True):
        assert one is not None
        assert two is not None
        assert torch.allclose(one.float(), two.float(), rtol=1e-4, atol=1e-3)
    plain.eval()
    network.eval()
    assert torch.allclose(plain(x), network(x), atol=1e-3)


def test_a_normalisation_keeps_its_parameters_and_names() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sequential(nn.BatchNorm2d(4)))
    before = dict(network.named_parameters())
    names = set(network.state_dict())
    synchronise(network, World(0, 1, torch.device("cpu")))
    assert not any(isinstance(module, SyncNorm) for module in network.modules())
    synchronise(network, World(1, 2, torch.device("cpu")))
    assert sum(isinstance(module, SyncNorm) for module in network.modules()) == 1
    assert set(network.state_dict()) == names
    assert all(parameter is before[name] for name, parameter in network.named_parameters())


def test_without_torchrun_a_process_is_alone() -> None:
    with join_world() as world:
        assert (world.rank, world.size, world.leads) == (0, 1, True)
        assert world.gathered([1, 2]) == [1, 2]
        assert world.summed(torch.ones(2)).tolist() == [1, 1]
    assert not World(1, 2).leads
