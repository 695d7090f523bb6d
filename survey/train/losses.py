"""Losses of the two heads. A batch without a single item is an ordinary batch."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from survey.detect.network import Heads
from survey.train.ground import IGNORED
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


def losses(heads: Heads, batch: Batch) -> Losses:
    """Return the losses of a batch."""
    heat = heat_loss(heads.heat, batch.heat, batch.weight)
    kind = kind_loss(heads.kind, batch.centre, batch.kind)
    geometry = geometry_loss(heads.geometry, batch.centre, batch.geometry)
    mask = functional.cross_entropy(heads.mask, batch.mask, ignore_index=IGNORED, reduction="sum")
    mask = mask / (batch.mask != IGNORED).sum().clamp(min=1)
    return Losses(heat, kind, geometry, mask, heat + 0.3 * kind + 0.5 * geometry + mask)


def heat_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Penalty-reduced focal loss (Zhou et al. 2019, "Objects as Points", eq. 1; alpha 2, beta 4).

    Args:
        logits: (B, 1, h, w).
        target: (B, 1, h, w); exactly 1 at the centres.
        weight: (B, 1, h, w); 0 where nothing is to be learnt.
    """
    centre = target.eq(1)
    log_p, log_not_p = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    p = logits.sigmoid()
    positive = torch.where(centre, (1 - p) ** 2 * log_p, torch.zeros_like(p))
    negative = torch.where(centre, torch.zeros_like(p), (1 - target) ** 4 * p**2 * log_not_p)
    count = centre.sum().clamp(min=LEAST_POSITIVES)
    return -((positive + negative) * weight).sum() / count


def kind_loss(logits: Tensor, centre: Tensor, target: Tensor) -> Tensor:
    """Cross entropy of the class at the centres only; 0 without items."""
    if not len(centre):
        return logits.sum() * 0
    return functional.cross_entropy(logits[centre[:, 0], :, centre[:, 1], centre[:, 2]], target)


def geometry_loss(prediction: Tensor, centre: Tensor, target: Tensor) -> Tensor:
    """L1 on ln(size) and on the offset within the cell, at the centres only; 0 without items."""
    if not len(centre):
        return prediction.sum() * 0
    at_centres = prediction[centre[:, 0], :, centre[:, 1], centre[:, 2]]
    return functional.l1_loss(at_centres, target)
