"""The optimiser and the course of its learning rate."""

import math

import torch
from torch import Tensor

from survey.networks import SurveyNet
from survey.train.config import TrainConfig


def schedule(step: int, config: TrainConfig) -> float:
    """Return the share of the learning rate at a step: linear warm-up, then half a cosine to 0.01."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))


def make_optimiser(network: SurveyNet, config: TrainConfig) -> torch.optim.AdamW:
    """Return AdamW: the backbone at its share of the rate, norms and biases without decay, what is held not at all."""
    inside = {id(parameter) for parameter in network.trunk.backbone.parameters()}
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    backbone = [parameter for parameter in trained if id(parameter) in inside]
    rest = [parameter for parameter in trained if id(parameter) not in inside]

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
