"""Lay one item at a time on ground, of a known size, cover and blur, and see whether the model finds it."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logit

from survey.composites.compose import Composer, Light, Recipe
from survey.composites.ground import crop_picture
from survey.datasets.sources import Picture, Sources
from survey.detect.background import measured_background
from survey.detect.decode import decode
from survey.detect.detectability import Detectability, design
from survey.detect.model import ModelCard
from survey.errors import ConfigError
from survey.evaluate import MATCH_M
from survey.logistic import fit_logistic
from survey.networks import SurveyNet
from survey.simulate import Sun
from survey.simulate.canvas import Canvas, longest_px

CROP_PX, WIDE_PX = 256, 512
"""Edge of a crop; the second where the model compares with the ground, which a small crop shows too little of."""
SIZE_PX, HIDDEN, BLUR_PX = (4.0, 64.0), (0.0, 0.9), (0.0, 4.0)
"""What is drawn from, each apart from the others: size evenly in its logarithm, share hidden and blur evenly."""
OVERCAST = 0.2
NOISE = 2.0
"""Standard deviation of the noise, grey levels. The training's own camera is left out: its blur is not counted."""
TRIES = 8
"""Draws of an item until one has the size asked for, to a factor of `SIZE_SLACK`."""
SIZE_SLACK = 1.3


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """N items, one to a crop; arrays of shape (N,)."""

    px: NDArray[np.float64]
    """Longest extent in pixels."""
    occluded: NDArray[np.float64]
    blur_px: NDArray[np.float64]
    """Of the item: that of enlarged ground and the one put over the crop, joined."""
    found: NDArray[np.bool_]
    by_chance: NDArray[np.bool_]
    """Whether something is found there without the item."""


class Stage:
    """Composes trial n from (seed, n) alone."""

    def __init__(self, sources: Sources, *, card: ModelCard, seed: int) -> None:
        empty = tuple(p for p in sources.pictures if not len(p.items.row) and p.weight > 0)
        if not empty:
            msg = "the data list has no ground without items to lay items on; give it ground or simulated entries"
            raise ConfigError(msg)
        self._pictures: tuple[Picture, ...] = empty
        weights = np.array([p.weight for p in empty])
        self._shares, self._seed, self._gsd_m = weights / weights.sum(), seed, card.gsd_m
        classes = tuple(c.name for c in card.classes if c.learnt)
        self._crop_px = CROP_PX if card.contrast is None else WIDE_PX
        recipe = Recipe(crop_px=self._crop_px, gsd_m=card.gsd_m, classes=classes)
        self._composer = Composer(replace(sources, pictures=empty), recipe, seed=seed)

    @property
    def grounds(self) -> tuple[str, ...]:
        """Sites of the ground."""
        return tuple(sorted({p.site for p in self._pictures}))

    def trial(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], dict[str, float]] | None:
        """Return the crop with the item, the crop without it, and what is known of the item.

        Returns:
            None where the item does not come out near the size asked for, or does not show at all.
        """
        rng = np.random.default_rng([self._seed, number])
        wanted = float(np.exp(rng.uniform(*np.log(SIZE_PX))))
        hidden, blur = float(rng.uniform(*HIDDEN)), float(rng.uniform(*BLUR_PX))
        picture = self._pictures[int(rng.choice(len(self._shares), p=self._shares))]
        crop = crop_picture(picture, self._crop_px, self._gsd_m, rng)
        light = Light(crop.sun or Sun.sample(rng), bool(crop.sun is None and rng.random() < OVERCAST))
        place = (float(rng.uniform(0.4, 0.6) * self._crop_px), float(rng.uniform(0.4, 0.6) * self._crop_px))
        bare = crop.rgb.copy()
        canvas = Canvas(crop.rgb, [], softness_px=crop.softness_px)
        gsd_m = self._gsd_m
        for attempt in range(TRIES):  # the same draw at another scale: an item's size shows only in its sprite
            sprite = self._composer.item(light, np.random.default_rng([self._seed, number, 1]), gsd_m=gsd_m)
            size_px = longest_px(sprite.alpha)
            if wanted / SIZE_SLACK <= size_px <= wanted * SIZE_SLACK:
                break
            if attempt == TRIES - 1:
                return None
            gsd_m *= size_px / wanted
        canvas.lay(sprite, rng, covered=hidden > 0, place=place, hidden=hidden)
        (item,) = canvas.items or (None,)
        if item is None or item.visible <= 0:
            return None
        noise = rng.normal(0, NOISE, bare.shape)
        facts = {"px": item.size_px, "occluded": 1 - item.visible, "blur": float(np.hypot(blur, crop.softness_px))}
        facts |= {"row": item.row, "col": item.col}
        return _shot(canvas.rgb, blur, noise), _shot(bare, blur, noise), facts


def run_trials(network: SurveyNet, stage: Stage, *, card: ModelCard, count: int) -> Trials:
    """Return `count` trials, those that could not be composed passed over."""
    rows: list[tuple[float, float, float, bool, bool]] = []
    number = 0
    while len(rows) < count:
        composed = stage.trial(number)
        number += 1
        if number > 20 * count:
            msg = "items of the data list do not come out at the sizes asked for; give it other items"
            raise ConfigError(msg)
        if composed is None:
            continue
        with_item, without, facts = composed
        hits = _seen(network, (with_item, without), facts, card)
        rows.append((facts["px"], facts["occluded"], facts["blur"], hits[0], hits[1]))
    px, occluded, blur, found, chance = (np.array(column) for column in zip(*rows, strict=True))
    return Trials(px, occluded, blur, found.astype(bool), chance.astype(bool))


def fit_detectability(
    trials: Trials, *, card: ModelCard, grounds: tuple[str, ...], ordnance: tuple[str, ...], seed: int
) -> Detectability:
    """Fit the curve."""
    coefficients, covariance = fit_logistic(design(trials.px, trials.occluded, trials.blur_px), trials.found)
    seen = sorted({*grounds, *ordnance} & set(card.training.sites))
    ranges = {
        name: (round(float(values.min()), 4), round(float(values.max()), 4))
        for name, values in (("size_px", trials.px), ("occluded", trials.occluded), ("blur_px", trials.blur_px))
    }
    return Detectability.model_validate(
        {
            "coefficients": tuple(coefficients.tolist()),
            "covariance": tuple(tuple(row) for row in covariance.tolist()),
            "trials": len(trials.px),
            "found": int(trials.found.sum()),
            "score": card.thresholds.score,
            **ranges,
            "by_chance": float(trials.by_chance.mean()),
            "grounds": grounds,
            "ordnance": ordnance,
            "seed": seed,
            "measured_on": f"composites; the model was trained on {', '.join(seen) or 'none'} of these sources",
        }
    )


@torch.inference_mode()
def _seen(
    network: SurveyNet, pictures: tuple[NDArray[np.uint8], NDArray[np.uint8]], facts: dict[str, float], card: ModelCard
) -> tuple[bool, bool]:
    """Tell whether a sighting at the operating score lies where the item is, by the rule of `survey evaluate`.

    Args:
        network: In evaluation mode.
        pictures: With the item and without; the ground to compare with is the second's.
        facts: Of the item: row, col, px.
        card: Of the model.
    """
    heads = [network(torch.from_numpy(picture).permute(2, 0, 1)[None]) for picture in pictures]
    if card.contrast is not None:
        coarse = heads[1].coarse
        assert coarse is not None
        cells = np.ascontiguousarray(coarse[0].flatten(1).T.numpy())
        background = measured_background(cells, trimmed=card.contrast.trimmed)
        heads = [background.applied(each, card.contrast) for each in heads]
    least = float(logit(card.thresholds.score))
    reach = max(MATCH_M / card.gsd_m, facts["px"] / 2)
    hits = []
    for each in heads:
        peaks = decode(
            each,
            learnt=card.learnt,
            unidentified=card.unidentified,
            threshold=least,
            separation=card.separation,
        )
        hits.append(bool((np.hypot(peaks.row - facts["row"], peaks.col - facts["col"]) <= reach).any()))
    return hits[0], hits[1]


def _shot(picture: NDArray[np.uint8], blur: float, noise: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the picture blurred, with noise."""
    soft = cv2.GaussianBlur(picture, (0, 0), blur) if blur > 0.05 else picture
    return np.ascontiguousarray((soft + noise).clip(0, 255).astype(np.uint8))
