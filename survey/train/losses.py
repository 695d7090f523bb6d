"""Losses of the two heads. A batch without a single item is an ordinary batch."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from survey.composites.compose import NO_CLASS
from survey.composites.ground import IGNORED
from survey.networks import Heads
from survey.train.targets import Batch

LEAST_POSITIVES = 4.0
"""The heat loss is a sum divided by the number of items, never by fewer than this."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Scalars; `total` is what is minimised."""

    heat: Tensor
    kind: Tensor
    geometry: Tensor
    mask: Tensor
    total: Tensor


def count(batch: Batch) -> Tensor:
    """Return what the losses are divided by, (3,) float32: peaks, items, cells of known ground.

    Counts of the parts of a step add up, and so do losses that are divided by the sum.
    """
    return torch.stack(
        [batch.heat.eq(1).sum(), batch.mask.new_tensor(len(batch.centre)), (batch.mask != IGNORED).sum()]
    ).float()


def losses(heads: Heads, batch: Batch, *, counts: Tensor | None = None) -> Losses:
    """Return the losses of a batch, or its share of those of a step that is counted in `counts` (see `count`)."""
    peaks, items, known = count(batch) if counts is None else counts
    heat = heat_loss(heads.heat, batch.heat, batch.weight, count=peaks)
    kind = kind_loss(heads.kind, batch.centre, batch.kind, count=items)
    geometry = geometry_loss(heads.geometry, batch.centre, batch.geometry, count=items)
    mask = functional.cross_entropy(heads.mask, batch.mask, ignore_index=IGNORED, reduction="sum")
    mask = mask / known.clamp(min=1)
    return Losses(heat, kind, geometry, mask, heat + 0.3 * kind + 0.5 * geometry + mask)


def heat_loss(logits: Tensor, target: Tensor, weight: Tensor, *, count: Tensor) -> Tensor:
    """Penalty-reduced focal loss (Zhou et al. 2019, "Objects as Points", eq. 1; alpha 2, beta 4).

    Args:
        logits: (B, 1, h, w).
        target: (B, 1, h, w); exactly 1 at the centres.
        weight: (B, 1, h, w); 0 where nothing is to be learnt.
        count: Number of centres to divide by.
    """
    centre = target.eq(1)
    log_p, log_not_p = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    p = logits.sigmoid()
    positive = torch.where(centre, (1 - p) ** 2 * log_p, torch.zeros_like(p))
    negative = torch.where(centre, torch.zeros_like(p), (1 - target) ** 4 * p**2 * log_not_p)
    return -((positive + negative) * weight).sum() / count.clamp(min=LEAST_POSITIVES)


def kind_loss(logits: Tensor, centre: Tensor, target: Tensor, *, count: Tensor) -> Tensor:
    """Cross entropy of the class at the centres only, where it is known; 0 without items."""
    if not len(centre):
        return logits.sum() * 0
    at_centres = logits[centre[:, 0], :, centre[:, 1], centre[:, 2]]
    entropy = functional.cross_entropy(at_centres, target, ignore_index=NO_CLASS, reduction="sum")
    return entropy / count.clamp(min=1)


def geometry_loss(prediction: Tensor, centre: Tensor, target: Tensor, *, count: Tensor) -> Tensor:
    """L1 on ln(size) and on the offset within the cell, at the centres only; 0 without items."""
    if not len(centre):
        return prediction.sum() * 0
    at_centres = prediction[centre[:, 0], :, centre[:, 1], centre[:, 2]]
    return functional.l1_loss(at_centres, target, reduction="sum") / (count * target.shape[1])
