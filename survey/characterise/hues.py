"""Fit what tells false colour from ground, with sites and kinds of false colour left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.characterise.false_colours import FAMILIES, Picture
from survey.logistic import fit_logistic
from survey.novelty.hues import CELL_PX, Hues, cells_of, hues_of

WHITE_BALANCE = 0.06
"""Standard deviation of ln(gain) of a channel, of ground and of false colour alike: cameras differ more than the mild
one does, so colours near grey are to decide nothing."""
DRAWN = 100
"""Most windows of a site in a fit."""
RIDGE = 1e-3
"""Penalty, with weights that sum to 1; with three waves, 0.0003, 0.003 and 0.01 told no more with sites left out."""
WITHIN = 0.95
"""Share of pictures of sites left out, every site of the same weight, that lie within the threshold."""
LEAST_THRESHOLD = 0.5
"""Least mean logit that is false colour."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Tinted:
    """The hues of a window under another white balance: as it is, and in false colours."""

    ground: Array
    """(FEATURES,)."""
    false: Mapping[str, Array]
    """(kinds, FEATURES) by family."""


@dataclass(frozen=True, slots=True, eq=False)
class HueWindow:
    """What is fitted on."""

    site: str
    picture: int
    real: bool
    """Thresholds are taken from photographs."""
    ground: Array
    """(FEATURES,)."""
    tinted: Tinted | None
    """Of windows seen through another camera."""


def tint(window: Picture, rng: np.random.Generator, *, gsd_m: float) -> Tinted:
    """Return the hues of a window (H, W, 3) under another white balance."""
    cells = cells_of(window) * np.exp(rng.normal(0, WHITE_BALANCE, 3))
    view = np.asarray(cells.clip(0, 255), np.uint8)
    coarse = CELL_PX * gsd_m
    false = {name: np.stack([hues_of(a(view, rng, coarse)) for a in kinds]) for name, kinds in FAMILIES.items()}
    return Tinted(hues_of(view), false)


def fit_hues(windows: Sequence[HueWindow], *, without: str | None = None) -> Hues | None:
    """Fit false colour against ground, its threshold from sites that a fit did not see.

    Args:
        windows: As they are and through another camera.
        without: A family of false colours that is left out.

    Returns:
        None where fewer than two sites have photographs.
    """
    real = sorted({w.site for w in windows if w.real})
    if len(real) < 2:
        return None
    beyond = []
    for site in real:
        others = _fit([w for w in windows if w.site != site], without)
        logits = picture_logits(Hues(others, 1.0), [w for w in windows if w.site == site and w.tinted is None])
        beyond.append(np.quantile(logits, np.linspace(0, 1, 101)))
    threshold = max(LEAST_THRESHOLD, float(np.quantile(np.concatenate(beyond), WITHIN)))
    return Hues(_fit(windows, without), round(threshold, 4))


def picture_logits(hues: Hues, windows: Sequence[HueWindow]) -> Array:
    """Return the mean logit of each picture's windows."""
    logits, pictures = hues.logits(np.stack([w.ground for w in windows])), np.array([w.picture for w in windows])
    return np.array([logits[pictures == n].mean() for n in np.unique(pictures)])


def _fit(windows: Sequence[HueWindow], without: str | None) -> Array:
    """Return the weights of one regression: sites weigh alike, families too, and ground as much as false colour."""
    families = [name for name in FAMILIES if name != without]
    rows: list[tuple[Array, bool, float]] = []  # (N, FEATURES), whether false, the weight of all of them
    for site in sorted({w.site for w in windows}):
        own = [w for w in windows if w.site == site]
        seen, tinted = [w for w in own if w.tinted is None], [w for w in own if w.tinted is not None]
        if not seen or not tinted:
            continue
        seen, tinted = _drawn(seen), _drawn(tinted)
        shifted = [w.tinted for w in tinted if w.tinted is not None]
        grounds = [w.ground for w in seen], [w.ground for w in tinted], [t.ground for t in shifted]
        rows += [(np.stack(ground), False, 1 / len(grounds)) for ground in grounds]
        rows += [(np.concatenate([t.false[n] for t in shifted]), True, 1 / len(families)) for n in families]
    values = np.concatenate([row for row, _, _ in rows])
    false = np.concatenate([np.full(len(row), is_false) for row, is_false, _ in rows])
    weights = np.concatenate([np.full(len(row), weight / len(row)) for row, _, weight in rows])
    weights /= weights.sum()
    mean = weights @ values
    scale = np.sqrt(weights @ (values - mean) ** 2) + 1e-3
    terms = np.concatenate([np.ones((len(values), 1)), (values - mean) / scale], axis=1)
    fitted, _ = fit_logistic(terms, false, weights=weights, ridge=RIDGE)
    slopes = fitted[1:] / scale
    return np.concatenate([[fitted[0] - slopes @ mean], slopes])


def _drawn(windows: Sequence[HueWindow]) -> list[HueWindow]:
    return [windows[n] for n in np.unique(np.linspace(0, len(windows) - 1, DRAWN).round().astype(int))]
