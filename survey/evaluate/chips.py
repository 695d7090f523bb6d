"""Sheets of the strongest false alarms and of the items that were missed: how a model fails, to look at."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.evaluate.frames import Looks
from survey.evaluate.scores import Scores
from survey.evaluate.strata import found_items
from survey.files import write_bytes

CHIP_PX = 160
CAPTION_PX = 34
COLUMNS = 8
MOST = 48
LEAST_HALF_M = 0.5
_MARK = (255, 60, 200)
"""A colour that ground does not have."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A place to show."""

    stretch: int
    x: float
    y: float
    size_m: float
    captions: tuple[str, str]


def worst_alarms(scores: Scores, *, most: int = MOST) -> list[Chip]:
    """Return the false alarms of the highest scores, highest first, below the operating point too."""
    seen = scores.sightings
    alarms = np.flatnonzero(~seen.true)
    alarms = alarms[np.argsort(-seen.score[alarms], kind="stable")][:most]
    chips = []
    for n in alarms:
        name = scores.classes[seen.class_index[n]]
        beside = ", beside an item" if seen.again[n] else ""
        captions = (f"{seen.score[n]:.2f} {name}", f"{seen.size_m[n] * 100:.0f} cm{beside}")
        chips.append(Chip(int(seen.stretch[n]), float(seen.x[n]), float(seen.y[n]), float(seen.size_m[n]), captions))
    return chips


def misses(scores: Scores, *, least_score: float, most: int = MOST) -> list[Chip]:
    """Return the items missed at the operating point, largest first, with the score that they did get."""
    items, seen = scores.items, scores.sightings
    best = np.zeros(len(items.x))
    best[seen.item[seen.true]] = seen.score[seen.true]
    missed = np.flatnonzero(~found_items(scores, least_score=least_score))
    missed = missed[np.argsort(-np.nan_to_num(items.size_m[missed]), kind="stable")][:most]
    chips = []
    for n in missed:
        size = float(items.size_m[n])
        told = f"{size * 100:.0f} cm, {size / scores.gsd_m:.0f} px" if np.isfinite(size) else "size not known"
        captions = (f"{scores.labels[items.label[n]]}", f"{told}, score {best[n]:.2f}")
        chips.append(Chip(int(items.stretch[n]), float(items.x[n]), float(items.y[n]), size, captions))
    return chips


def write_sheet(path: Path, chips: list[Chip], *, look: Looks) -> int:
    """Write the chips that can be shown as one PNG; none are no file.

    Returns:
        How many chips the sheet shows.
    """
    # Chips of one picture are cut together, so that it is decoded once.
    cut: dict[int, NDArray[np.uint8]] = {}
    for n in sorted(range(len(chips)), key=lambda n: chips[n].stretch):
        if (shown := _drawn(chips[n], look)) is not None:
            cut[n] = shown
    path.unlink(missing_ok=True)
    if not cut:
        return 0
    tiles = [cut[n] for n in sorted(cut)]
    blank = np.full_like(tiles[0], 255)
    tiles += [blank] * (-len(tiles) % COLUMNS)
    rows = [np.concatenate(tiles[n : n + COLUMNS], axis=1) for n in range(0, len(tiles), COLUMNS)]
    done, png = cv2.imencode(".png", cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))
    assert done
    write_bytes(path, png.tobytes())
    return len(cut)


def _drawn(chip: Chip, look: Looks) -> NDArray[np.uint8] | None:
    """Return a chip with its circle and captions, or None where no picture shows the place."""
    size_m = chip.size_m if np.isfinite(chip.size_m) else 0.0
    half_m = max(LEAST_HALF_M, 1.5 * size_m)
    ground = look(chip.stretch, chip.x, chip.y, half_m=half_m)
    if ground is None:
        return None
    shrinks = ground.shape[0] > CHIP_PX
    picture = cv2.resize(ground, (CHIP_PX, CHIP_PX), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    radius = max(6, round(0.7 * size_m / (2 * half_m) * CHIP_PX))
    cv2.circle(picture, (CHIP_PX // 2, CHIP_PX // 2), radius, _MARK, 1, cv2.LINE_AA)
    tile = np.full((CHIP_PX + CAPTION_PX, CHIP_PX + 4, 3), 255, np.uint8)
    tile[:CHIP_PX, 2 : CHIP_PX + 2] = picture
    for line, text in enumerate(chip.captions):
        place = (4, CHIP_PX + 13 + 15 * line)
        cv2.putText(tile, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, (20, 20, 20), 1, cv2.LINE_AA)
    return tile
