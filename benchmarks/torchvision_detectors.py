"""torchvision's FCOS, from random weights, on the crops that `survey train` composes, beside the project's network.

The run has the settings of a training, takes the same crops in the same order, the same optimiser and the same steps,
and is scored on the sites held out as a training is. Hard negatives are not mined: it is to be compared with a
training that has `mine_every=0` too. One class: the crops' squares of the longest extent are its boxes.
"""

import argparse
import json
import time
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import torch
import torchvision
from fcos import Adapter, Card, as_target, make_network
from torch import nn
from torchvision.models.detection.fcos import FCOS

from survey.composites.compose import Composer, Sample
from survey.config import load_config
from survey.datasets.datalist import DataList, FrameEntry, GroundEntry, load_data_list
from survey.datasets.sources import Sources, load_frames, load_grounds, load_sources
from survey.detect import Detector
from survey.errors import TrainingError
from survey.evaluate.report import evaluation
from survey.evaluate.scores import LabelledPicture, score_pictures
from survey.files import make_folder, replacing, write_bytes
from survey.networks.runtime import has_bf16
from survey.train.config import TrainConfig
from survey.train.identity import Identity, used_files
from survey.train.loop import recipe_of
from survey.train.optimiser import schedule
from survey.train.release import OPERATING_SCORE
from survey.train.stream import crop_batches, step_numbers


class Run:
    """The training: network, running mean of its weights, optimiser, step; kept in a checkpoint."""

    def __init__(self, config: TrainConfig, identity: Identity, *, checkpoint: Path) -> None:
        torch.manual_seed(config.seed)
        self.config, self.identity, self.checkpoint = config, identity, checkpoint
        self.network = make_network()
        self.mean = deepcopy(self.network.state_dict())
        flat = [p for p in self.network.parameters() if p.ndim <= 1]  # norms and biases are not decayed
        groups = [
            {"params": [p for p in self.network.parameters() if p.ndim > 1], "weight_decay": config.weight_decay},
            {"params": flat, "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=config.learning_rate)
        self.step, self.seconds, self.cpu_seconds = 0, 0.0, 0.0
        if checkpoint.exists():
            state = torch.load(checkpoint, weights_only=True)
            identity.check(state["identity"], checkpoint)
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.mean, self.step = state["mean"], state["step"]
            self.seconds, self.cpu_seconds = state["seconds"], state["cpu_seconds"]

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        names = ("mean", "step", "seconds", "cpu_seconds")
        state = {name: getattr(self, name) for name in names} | {"identity": self.identity.as_state()}
        state |= {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}
        with replacing(self.checkpoint) as temporary:
            torch.save(state, temporary)

    def train(self, sources: Sources) -> FCOS:
        """Take the steps that are left; return the network with the running mean of its weights."""
        config = self.config
        composer = Composer(sources, recipe_of(config), seed=config.seed)
        self.network.train()

        def numbers(step: int) -> list[int]:
            return step_numbers(step, batch=config.batch)

        wall, cpu = time.monotonic() - self.seconds, time.process_time() - self.cpu_seconds
        stream = crop_batches(composer.compose, numbers, first=self.step, steps=config.steps, workers=config.workers)
        for samples in stream:
            told = self._advance(samples)
            self.step += 1
            self.seconds, self.cpu_seconds = time.monotonic() - wall, time.process_time() - cpu
            if self.step % config.log_every == 0:
                parts = ", ".join(f"{name} {value:.3f}" for name, value in told.items())
                print(f"step {self.step}: {parts}; {self.seconds / self.step:.2f} s a step", flush=True)
            if self.step % config.checkpoint_every == 0 or self.step == config.steps:
                self.save()
        self.network.load_state_dict(self.mean)
        return self.network.eval()

    def _advance(self, samples: Sequence[Sample]) -> dict[str, float]:
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * schedule(self.step, self.config)
        pixels = [torch.from_numpy(sample.pixels).permute(2, 0, 1) / 255 for sample in samples]
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bf16()):
            losses = self.network(pixels, [as_target(sample) for sample in samples])
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):  # seen in bf16 with crops of 64 px, whose coarsest features are one cell
            msg = f"the loss of step {self.step} is {total.item()}; take larger crops or a lower learning_rate"
            raise TrainingError(msg)
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
        self.optimiser.step()
        decay = min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                self.mean[name].lerp_(value, 1 - decay)
            else:
                self.mean[name].copy_(value)
        return {name: float(value.detach()) for name, value in losses.items()}


def held_out_pictures(data: DataList, config: TrainConfig, folder: Path) -> list[LabelledPicture]:
    """Return the pictures that a training with these settings is scored on."""
    pictures: list[LabelledPicture] = []
    for entry in data.held_out(config.hold_out):
        if isinstance(entry, GroundEntry):
            pictures.extend(load_grounds(entry, folder))
        elif isinstance(entry, FrameEntry):
            pictures.extend(load_frames(entry, folder))
    return pictures


def in_words(report: dict[str, Any]) -> str:
    """Return the figures that trainings are compared by."""
    points = "; ".join(
        "recall at {per_ha:g}/ha {recall:.3f} [{low:.3f}, {high:.3f}]".format(
            low=point["recall_interval"][0], high=point["recall_interval"][1], **point
        )
        for point in report["froc"]
        if point["per_ha"] >= 100
    )
    sites = ", ".join(f"{n} {s['centre_ap']:.3f}" for n, s in report["by_site"].items() if s["items"])
    area = f"{report['items']} items, {report['area_ha']:.2f} ha"
    pace = f"{report['steps_a_second']:.2f} steps/s ({report['cpu_seconds_a_step']:.2f} processor seconds a step)"
    return f"centre-AP {report['centre_ap']:.3f} ({sites}); {points} ({area}); {pace}"


def main() -> None:
    """Train, score and tell; what was interrupted goes on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="settings of a training, such as configs/train-ablation.yaml")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of `survey train`")
    parser.add_argument("--data", type=Path, required=True, help="folder that the list's paths lie below")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint.pt and evaluation.json")
    options = parser.parse_args()
    config = load_config(TrainConfig, options.config, overrides=[*options.set, "mine_every=0"])
    whole = load_data_list(config.data_list).at(config.gsd_m)
    used = whole.without(config.hold_out, split_within_site=config.split_within_site)
    bank = Path(config.bank) if config.bank else None
    identity = Identity.of(config, used, used_files(used, options.data, bank=bank))
    run = Run(config, identity, checkpoint=make_folder(options.out) / "checkpoint.pt")
    network = run.train(load_sources(used, options.data, bank=bank))
    adapter = Adapter(network, Card(config.gsd_m))
    pictures = held_out_pictures(whole, config, options.data)
    began = time.monotonic()
    report = evaluation(score_pictures(cast("Detector", adapter), pictures), least_score=OPERATING_SCORE)
    report |= {
        "note": f"torchvision {torchvision.__version__} FCOS R50-FPN, random start; held out {config.hold_out}",
        "steps_a_second": run.step / run.seconds,
        "cpu_seconds_a_step": run.cpu_seconds / run.step,
        "seconds_of_search": time.monotonic() - began,
    }
    write_bytes(options.out / "evaluation.json", json.dumps(report, indent=2, sort_keys=True).encode())
    print(in_words(report))


if __name__ == "__main__":
    main()
