"""The training loop: plain, resumable from any kill, the crop stream a pure function of the step."""

import hashlib
import json
import logging
import math
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import cv2
import torch
from torch import Tensor, nn

from survey.detect.network import SurveyNet
from survey.detect.runtime import has_bf16
from survey.errors import ResumeError, TrainingError
from survey.files import replacing
from survey.train.compose import Composer, Recipe, Sample
from survey.train.config import CLASSES, DISTURBANCES, TrainConfig
from survey.train.datalist import DataList
from survey.train.losses import Losses, losses
from survey.train.sources import Sources
from survey.train.targets import make_batch

log = logging.getLogger(__name__)


def crop_batches(composer: Composer, *, batch: int, first: int, steps: int, workers: int) -> Iterator[list[Sample]]:
    """Yield the crops of steps `first` to `steps`, composed in threads a few steps ahead.

    Threads, for OpenCV and NumPy let go of the interpreter; forked processes inherit OpenCV's and
    OpenMP's thread pools in a state that can lock them up.
    """
    cv2.setNumThreads(0)
    with ThreadPoolExecutor(max_workers=workers) as pool:

        def submit(step: int) -> list[Future[Sample]]:
            return [pool.submit(composer.compose, step * batch + n) for n in range(batch)]

        ahead = deque(submit(step) for step in range(first, min(steps, first + 2)))
        for step in range(first, steps):
            if step + 2 < steps:
                ahead.append(submit(step + 2))
            yield [future.result() for future in ahead.popleft()]


def run_identity(config: TrainConfig, data: DataList) -> str:
    """Return the hash of everything that decides the weights."""
    settings = config.model_dump(exclude={"workers", "checkpoint_every", "log_every"}, mode="json")
    text = json.dumps([settings, data.model_dump(mode="json")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Trainer:
    """The state of a run: network, running mean, optimiser, step."""

    def __init__(self, config: TrainConfig, data: DataList, *, folder: Path) -> None:
        torch.manual_seed(config.seed)
        self.config, self.folder = config, folder
        self.identity = run_identity(config, data)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = SurveyNet(
            classes=len(CLASSES), disturbances=len(DISTURBANCES), backbone=config.backbone
        )
        self.network.trunk.backbone.load_imagenet()
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        self.optimiser = _optimiser(self.network, config)
        self.step = 0

    @property
    def checkpoint(self) -> Path:
        """Where the state is kept."""
        return self.folder / "checkpoint.pt"

    def resume(self) -> bool:
        """Take up the checkpoint if there is one.

        Raises:
            ResumeError: It was written by a run with another config or data list.
        """
        if not self.checkpoint.exists():
            return False
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        if state["identity"] != self.identity:
            msg = f"{self.checkpoint}: made with another config or data list; use another --out"
            raise ResumeError(msg)
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.mean, self.step = state["mean"], state["step"]
        return True

    def save(self) -> None:
        """Write the state, whole or not at all."""
        state = {
            "identity": self.identity,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "mean": self.mean,
            "step": self.step,
        }
        with replacing(self.checkpoint) as temporary:
            torch.save(state, temporary)

    def run(self, sources: Sources) -> SurveyNet:
        """Train to the last step and return the network with the running mean of its weights."""
        config, began, first = self.config, time.monotonic(), self.step
        self.network.train()
        for samples in self._batches(sources):
            value = self._advance(samples)
            self.step += 1
            if self.step % config.log_every == 0:
                pace = (time.monotonic() - began) / (self.step - first)
                parts = (float(v.detach()) for v in (value.total, value.heat, value.kind, value.geometry, value.mask))
                text = "step %d loss %.3f heat %.3f class %.3f geometry %.3f mask %.3f, %.2f s a step"
                log.info(text, self.step, *parts, pace)
            if self.step % config.checkpoint_every == 0 or self.step == config.steps:
                self.save()
        self.network.load_state_dict(self.mean)
        return self.network.eval()

    def _batches(self, sources: Sources) -> Iterator[list[Sample]]:
        config = self.config
        recipe = Recipe(
            crop_px=config.crop_px,
            gsd_m=config.gsd_m,
            classes=CLASSES,
            items_mean=config.items_mean,
            empty_share=config.empty_share,
            disturbance_share=config.disturbance_share,
            clutter_mean=config.clutter_mean,
            rendered_clutter=config.rendered_clutter,
        )
        composer = Composer(sources, recipe, seed=config.seed)
        yield from crop_batches(
            composer, batch=config.batch, first=self.step, steps=config.steps, workers=config.workers
        )

    def _advance(self, samples: list[Sample]) -> Losses:
        """Take one optimiser step."""
        config = self.config
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * schedule(self.step, config)
        batch = make_batch(samples).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=_reduced(config)):
            features = self.network.trunk(batch.pixels.contiguous(memory_format=torch.channels_last))
        with torch.autocast(self.device.type, enabled=False):
            value = losses(self.network.projection(features), batch)
        if not torch.isfinite(value.total):
            msg = f"the loss of step {self.step} is {value.total.item()}; lower learning_rate, or set precision=fp32"
            raise TrainingError(msg)
        self.optimiser.zero_grad(set_to_none=True)
        value.total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), config.clip_norm)
        self.optimiser.step()
        self._average()
        return value

    @torch.no_grad()
    def _average(self) -> None:
        """Move the running mean towards the weights; faster at the start, so that it forgets it."""
        decay = min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
        for name, value in self.network.state_dict().items():
            mean = self.mean[name]
            if value.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)


def schedule(step: int, config: TrainConfig) -> float:
    """Return the share of the learning rate at a step: linear warm-up, then half a cosine to 0.01."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))


def _reduced(config: TrainConfig) -> bool:
    return config.precision == "bf16" or (config.precision == "auto" and has_bf16())


def _optimiser(network: SurveyNet, config: TrainConfig) -> torch.optim.AdamW:
    backbone = list(network.trunk.backbone.parameters())
    inside = {id(parameter) for parameter in backbone}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in inside]

    def group(parameters: list[Tensor], rate: float, decay: float) -> dict[str, object]:
        return {"params": parameters, "lr": rate, "base": rate, "weight_decay": decay}

    rate, decay = config.learning_rate, config.weight_decay
    return torch.optim.AdamW(
        [
            group([p for p in part if p.ndim > 1], share * rate, decay)  # norms and biases are not decayed
            for part, share in ((backbone, config.backbone_rate), (rest, 1.0))
        ]
        + [
            group([p for p in part if p.ndim <= 1], share * rate, 0.0)
            for part, share in ((backbone, config.backbone_rate), (rest, 1.0))
        ]
    )
