"""The training loop: plain, resumable from any kill, the crop stream a pure function of the step."""

import logging
import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import astuple, fields
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from survey.composites import Composer, Recipe, Sample, Spot
from survey.datasets.sources import Sources
from survey.errors import ConfigError, ResumeError, TrainingError
from survey.files import replacing
from survey.networks import ARCHITECTURES, Heads, SurveyNet
from survey.networks.runtime import has_bf16
from survey.train.config import TrainConfig
from survey.train.distributed import World
from survey.train.faults import memory_told
from survey.train.identity import Identity
from survey.train.logs import Logs, open_logs
from survey.train.losses import Losses, count, losses
from survey.train.mining import mine
from survey.train.optimiser import make_optimiser, schedule
from survey.train.stream import crop_batches, segments, step_numbers
from survey.train.syncnorm import synchronise
from survey.train.targets import Batch, make_batch
from survey.values import CLASSES, DISTURBANCES

log = logging.getLogger(__name__)

FORMAT = 2
"""Of checkpoints."""


class Trainer:
    """The state of a run: network, running mean, optimiser, mined spots, step.

    Args:
        config: The run's settings.
        identity: What decides the weights; a checkpoint of another run is refused.
        folder: Where the checkpoint is kept.
        world: The processes that train together.
        start: Weights to start from instead of ImageNet's.

    Raises:
        ConfigError: The batch cannot be split over micro-batches and processes.
    """

    def __init__(
        self,
        config: TrainConfig,
        identity: Identity,
        *,
        folder: Path,
        world: World | None = None,
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config, self.identity, self.folder = config, identity, folder
        self.world = World() if world is None else world
        self.device = self.world.device
        _check_parts(config, self.world)
        architecture = ARCHITECTURES[config.architecture]
        self.network = SurveyNet(classes=len(CLASSES), disturbances=len(DISTURBANCES), architecture=architecture)
        if start is None:
            self.network.trunk.backbone.load_imagenet()
        else:
            self.network.load_state_dict(start)
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        synchronise(self.network, self.world)
        self.network.trunk.backbone.hold(blocks=config.held_blocks, norms=config.held_norms)
        self.mean = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        self.optimiser = make_optimiser(self.network, config)
        self.spots: tuple[Spot, ...] = ()
        self.step = 0

    @property
    def checkpoint(self) -> Path:
        """Where the state is kept."""
        return self.folder / "checkpoint.pt"

    def resume(self) -> bool:
        """Take up the checkpoint if there is one.

        Raises:
            ResumeError: It was written by a run with other settings, data or pictures; says which differ.
                Or only some of the processes see it.
        """
        seen = self.world.gathered([self.checkpoint.exists()])
        if any(seen) and not all(seen):
            msg = f"{self.checkpoint}: some processes see it, others do not; put --out on a disk that all share"
            raise ResumeError(msg)
        if not all(seen):
            return False
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        if state.get("format") != FORMAT:
            msg = f"{self.checkpoint}: another version of survey wrote it; go on with that one, or use another --out"
            raise ResumeError(msg)
        for difference in self.identity.check(state["identity"], self.checkpoint):
            log.warning("%s: the last digits of the weights may differ", difference)
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.mean, self.step = state["mean"], state["step"]
        self.spots = tuple(Spot(*spot) for spot in state["spots"])
        return True

    def save(self) -> None:
        """Write the state, whole or not at all; only the leading process does."""
        if not self.world.leads:
            return
        state = {
            "format": FORMAT,
            "identity": self.identity.as_state(),
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "mean": self.mean,
            "spots": [astuple(spot) for spot in self.spots],
            "step": self.step,
        }
        with replacing(self.checkpoint) as temporary:
            torch.save(state, temporary)

    def run(self, sources: Sources) -> SurveyNet:
        """Train to the last step and return the network with the running mean of its weights.

        Raises:
            TrainingError: A loss is not finite, or memory runs out; the last checkpoint is kept.
        """
        config, began, first = self.config, time.monotonic(), self.step
        self.network.train()
        with memory_told(config), open_logs(self.folder, step=first, world=self.world) as logs:
            for samples in self._batches(sources):
                if self.step == 0:
                    logs.crops(samples, step=0)
                value = self._advance(samples)
                self.step += 1
                if self.step % config.log_every == 0:
                    self._report(value, logs, pace=(time.monotonic() - began) / (self.step - first))
                if self.step % config.checkpoint_every == 0 or self.step == config.steps:
                    self.save()
        self.network.load_state_dict(self.mean)
        return self.network.eval()

    def _report(self, value: Losses, logs: Logs, *, pace: float) -> None:
        if not self.world.leads:
            return
        told = {field.name: float(getattr(value, field.name)) for field in fields(value)}
        text = "step %d loss %.3f heat %.3f class %.3f geometry %.3f mask %.3f, %.2f s a step"
        log.info(text, self.step, *(told[name] for name in ("total", "heat", "kind", "geometry", "mask")), pace)
        rate = self.config.learning_rate * schedule(self.step - 1, self.config)
        numbers = {"learning_rate": rate, "seconds_a_step": pace, "mined_spots": float(len(self.spots))}
        logs.scalars({f"loss/{name}": number for name, number in told.items()} | numbers, step=self.step)

    def _batches(self, sources: Sources) -> Iterator[list[Sample]]:
        """Yield this process' crops of each step.

        No crop is composed before the search for spots that it may lie around, so that a resumed
        run, which searches at the same steps, composes the same crops.
        """
        config, world = self.config, self.world
        composer = Composer(sources, recipe_of(config), seed=config.seed)
        numbers = partial(
            step_numbers, batch=config.batch, accumulate=config.accumulate, rank=world.rank, ranks=world.size
        )
        for start, stop in segments(self.step, config.steps, every=config.mine_every):
            if config.mine_every and start and start % config.mine_every == 0:
                self._mine(sources)
            compose = partial(composer.compose, spots=self.spots)
            yield from crop_batches(compose, numbers, first=start, steps=stop, workers=config.workers)

    def _mine(self, sources: Sources) -> None:
        """Look for false alarms of the running mean, the network that is released in the end."""
        network = deepcopy(self.network)
        network.load_state_dict(self.mean)
        network.eval()
        began = time.monotonic()
        with torch.inference_mode():
            see = partial(self._heads, network)
            self.spots = mine(see, sources.pictures, self.spots, config=self.config, step=self.step, world=self.world)
        if self.world.leads:
            log.info("step %d: %d mined spots, %.1f s", self.step, len(self.spots), time.monotonic() - began)

    def _heads(self, network: SurveyNet, pixels: Tensor) -> Heads:
        """Run a network as in training: the trunk in reduced precision, the rest in float32."""
        pixels = pixels.to(self.device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=_reduced(self.config)):
            features = network.trunk(pixels)
        with torch.autocast(self.device.type, enabled=False):
            heads: Heads = network.projection(features)
        return heads

    def _advance(self, samples: list[Sample]) -> Losses:
        """Take one optimiser step with this process' crops; return the losses of all crops of the step."""
        config, world = self.config, self.world
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * schedule(self.step, config)
        size = len(samples) // config.accumulate
        parts = [samples[start : start + size] for start in range(0, len(samples), size)]
        batches = [make_batch(part).to(self.device) for part in parts]
        counts = world.summed(torch.stack([count(batch) for batch in batches]).sum(dim=0))
        self.optimiser.zero_grad(set_to_none=True)
        shares = torch.stack([self._backward(batch, counts) for batch in batches])
        value = Losses(*world.summed(shares.sum(dim=0)))
        if not torch.isfinite(value.total):
            msg = (
                f"the loss of step {self.step} is {value.total.item()}; lower learning_rate, or set precision=fp32, "
                "with another --out; the last checkpoint is kept"
            )
            raise TrainingError(msg)
        trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        world.sum_gradients(trained)
        nn.utils.clip_grad_norm_(trained, config.clip_norm)
        self.optimiser.step()
        self._average()
        return value

    def _backward(self, batch: Batch, counts: Tensor) -> Tensor:
        """Add a micro-batch's gradients; return its share of the losses, in the order of `Losses`."""
        value = losses(self._heads(self.network, batch.pixels), batch, counts=counts)
        value.total.backward()  # type: ignore[no-untyped-call]
        return torch.stack([getattr(value, field.name).detach() for field in fields(value)])

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


def recipe_of(config: TrainConfig) -> Recipe:
    """Return how a run with these settings composes its crops."""
    return Recipe(
        crop_px=config.crop_px,
        gsd_m=config.gsd_m,
        classes=CLASSES,
        items_mean=config.items_mean,
        empty_share=config.empty_share,
        disturbance_share=config.disturbance_share,
        clutter_mean=config.clutter_mean,
        rendered_clutter=config.rendered_clutter,
        invented_clutter=config.invented_clutter,
        coarsest=config.coarsest,
        mined_share=config.mined_share,
    )


def _reduced(config: TrainConfig) -> bool:
    return config.precision == "bf16" or (config.precision == "auto" and has_bf16())


def _check_parts(config: TrainConfig, world: World) -> None:
    if config.batch % (config.accumulate * world.size):
        msg = (
            f"batch: {config.batch} crops cannot be split over accumulate={config.accumulate} micro-batches of "
            f"{world.size} processes; make batch a multiple of {config.accumulate * world.size}"
        )
        raise ConfigError(msg)
