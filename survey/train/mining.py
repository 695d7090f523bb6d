"""Hard negatives: spots of empty ground that the network in training takes for ordnance.

Crops are composed around them, so that the loss sees more of what is confused. Where a run looks
is drawn from (seed, step), and every window is looked at alone, so that the spots do not depend on
how many processes share the looking.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import hypot, log

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from survey.composites import Spot
from survey.datasets.judged import Looked
from survey.datasets.picture import Picture
from survey.detect.decode import peak_mask
from survey.networks import FILL, HEAT_STRIDE, Heads
from survey.train.config import TrainConfig
from survey.train.distributed import World

SALT = 20_771
"""Keeps these draws apart from those of the crops, which also start from (seed, number)."""
NEAR_M = 0.2
"""Two alarms closer than this are one thing on the ground."""
MOST_A_WINDOW = 8
"""Alarms taken of one window: a window full of them is one kind of texture, seen often enough."""


@dataclass(frozen=True, slots=True)
class Look:
    """The middle of a window to search."""

    picture: int
    row: float
    col: float


def is_mined(picture: Picture) -> bool:
    """Tell whether alarms in a picture are surely false: no item, and its ground known to be undisturbed.

    Frames of a mined site that have no label are not searched: a label that was forgotten would be
    unlearnt again and again. Of a reviewed run the squares are searched that were looked at as a whole.
    """
    if picture.judged is not None:
        return picture.judged.may_be_mined and picture.weight > 0
    return not len(picture.items.row) and picture.disturbed == () and picture.weight > 0


def mine(
    see: Callable[[Tensor], Heads],
    pictures: Sequence[Picture],
    spots: Sequence[Spot],
    *,
    config: TrainConfig,
    step: int,
    world: World,
) -> tuple[Spot, ...]:
    """Search random windows and the known spots again; return the strongest alarms, strongest first.

    A known spot that no longer alarms is thereby forgotten.

    Args:
        see: Maps uint8 pixels (1, 3, S, S) to heads; the network must be in evaluation mode.
        pictures: All pictures; see `is_mined` for those that are searched.
        spots: Those known so far.
        config: `mine_windows`, `mine_pool`, `mine_score`, and the scale and size of a window.
        step: Steps taken so far: decides, with the seed, where is looked.
        world: The processes that share the looking; all get the same answer.
    """
    looks = draw_looks(pictures, config, step) + [Look(s.picture, s.row, s.col) for s in spots]
    found = [spot for look in looks[world.rank :: world.size] for spot in _alarms(see, pictures, look, config)]
    return strongest(world.gathered(found), pictures, most=config.mine_pool)


def draw_looks(pictures: Sequence[Picture], config: TrainConfig, step: int) -> list[Look]:
    """Return `mine_windows` windows of the pictures that are mined, by their weights; none without such pictures."""
    weights = np.array([picture.weight if is_mined(picture) else 0.0 for picture in pictures])
    if not weights.sum() > 0:
        return []
    rng = np.random.default_rng([config.seed, SALT, step])
    looks = []
    for index in rng.choice(len(pictures), config.mine_windows, p=weights / weights.sum()):
        picture = pictures[index]
        if picture.judged is not None:
            empty = np.flatnonzero(picture.judged.ground == Looked.EMPTY)
            at = divmod(int(empty[int(rng.integers(len(empty)))]), picture.rgb.shape[1])
            looks.append(Look(int(index), float(at[0]), float(at[1])))
            continue
        half = config.crop_px / 2 * config.gsd_m / picture.gsd_m
        row, col = (
            float(rng.uniform(margin, extent - margin))
            for extent in picture.rgb.shape[:2]
            for margin in [min(half, extent / 2)]
        )
        looks.append(Look(int(index), row, col))
    return looks


def strongest(spots: Sequence[Spot], pictures: Sequence[Picture], *, most: int) -> tuple[Spot, ...]:
    """Return the spots of the highest score, one for each thing on the ground; ties by place."""
    kept: list[Spot] = []
    for spot in sorted(spots, key=lambda s: (-s.score, s.picture, s.row, s.col)):
        near = NEAR_M / pictures[spot.picture].gsd_m
        if all(k.picture != spot.picture or hypot(k.row - spot.row, k.col - spot.col) >= near for k in kept):
            kept.append(spot)
            if len(kept) == most:
                break
    return tuple(kept)


def _alarms(
    see: Callable[[Tensor], Heads], pictures: Sequence[Picture], look: Look, config: TrainConfig
) -> Iterator[Spot]:
    """Yield the alarms of one window, in the picture's pixels."""
    picture = pictures[look.picture]
    scale = picture.gsd_m / config.gsd_m
    heat = see(_pixels(picture, look, scale, config.crop_px)).heat[0].amax(dim=0)
    rows, cols = peak_mask(heat, threshold=log(config.mine_score / (1 - config.mine_score))).nonzero(as_tuple=True)
    values, order = heat[rows, cols].sort(descending=True, stable=True)
    height, width = picture.rgb.shape[:2]
    for value, index in zip(values[:MOST_A_WINDOW].sigmoid().tolist(), order[:MOST_A_WINDOW].tolist(), strict=True):
        row, col = (
            middle + ((int(cells[index]) + 0.5) * HEAT_STRIDE - config.crop_px / 2) / scale
            for middle, cells in ((look.row, rows), (look.col, cols))
        )
        if not (0 <= row < height and 0 <= col < width):  # a window may reach beyond a small picture
            continue
        if picture.judged is None or picture.judged.ground[int(row), int(col)] == Looked.EMPTY:
            yield Spot(look.picture, row, col, value)


def _pixels(picture: Picture, look: Look, scale: float, size: int) -> Tensor:
    """Return (1, 3, size, size) uint8 around a place at the model's scale; grey outside the picture."""
    matrix = np.array([[scale, 0, size / 2 - scale * look.col], [0, scale, size / 2 - scale * look.row]])
    view: NDArray[np.uint8] = cv2.warpAffine(
        picture.rgb, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=(FILL, FILL, FILL)
    )
    return torch.from_numpy(view).permute(2, 0, 1)[None]
