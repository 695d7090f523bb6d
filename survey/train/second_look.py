"""Fit what a second look asks: what alarms are told apart by, and how like the items of the composites a place is.

Composites are made as for the training, only larger, and the first look's alarms on them gathered: those that lie on
items, and the others. Of all their features the directions along which the others vary most are kept; a ridge
regression on some of these directions tells items from the others.
"""

import logging
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file

from survey.composites.compose import Composer, Recipe, Sample
from survey.datasets.sources import Sources
from survey.detect.alarms import alarms_in
from survey.detect.background import Sampled, measured_background
from survey.detect.decode import Separation
from survey.detect.second_look import VIEWS, SecondLookCard, SecondLooker
from survey.errors import TrainingError
from survey.files import replacing
from survey.logistic import fit_logistic
from survey.networks import FILL, HEAT_STRIDE, SurveyNet, one_thread
from survey.networks.close_up import CloseUp, SecondLook
from survey.networks.view_runtime import TorchViews
from survey.train.config import TrainConfig

log = logging.getLogger(__name__)

SALT = 7_919
"""Keeps the composites apart from those of the training, which start from the seed too."""
CROP_PX = 448
"""Edge of a composite: it is its own ground, and views of its places lie in it."""
MARGIN_PX = 96
"""Places nearer to the edge are left out."""
MOST_A_CROP = 8
LOG_EVERY = 200
LEAST_DISTANCE = 0.15
"""Least ln(distance) of an alarm."""
REACH_PX, DOUBT_PX = 24, 12
"""An alarm so near to an item's centre, or within half its extent, is one of it; a little farther away it is of
nothing that is known."""
DIRECTIONS = 128
"""Of the features, that likeness is told by."""
RIDGE = 100.0
"""Of the regression on directions, all scaled alike to a mean square of 1."""
_FREE = 1e3
"""The constant's term: so large that the ridge does not hold its coefficient."""
MARGIN, LEAST_LOGIT = 1.0, -4.0


@dataclass(frozen=True, slots=True, eq=False)
class Alarms:
    """What alarms of N composites are: all features (N, D), and which of them lie on items (N,)."""

    features: NDArray[np.float32]
    items: NDArray[np.bool_]


def second_look_card(config: TrainConfig) -> SecondLookCard | None:
    """Return the card's part; None where the settings ask for no second look."""
    if not config.second_look:
        return None
    return SecondLookCard(
        others=config.second_look_others,
        items=config.second_look_items,
        bias=config.second_look_bias,
        trimmed=config.second_look_trimmed,
        most_like=config.second_look_most_like,
        alarms_a_window=config.second_look_alarms,
        features=config.second_look_features,
        views=VIEWS,
        margin=MARGIN,
        least_logit=LEAST_LOGIT,
        near=config.second_look_near,
    )


def fit_second_look(network: SurveyNet, sources: Sources, config: TrainConfig, recipe: Recipe) -> SecondLook:
    """Fit a second look for a trained network.

    Args:
        network: Trained; its backbone has ImageNet's weights.
        sources: What the training drew from.
        config: The run's settings.
        recipe: How the training's crops were composed.

    Raises:
        TrainingError: The composites hold too few alarms.
    """
    card = second_look_card(config)
    assert card is not None
    look = SecondLook(config.backbone, views=len(card.views), features=card.features)
    look.deep.load_imagenet()
    views = TorchViews(CloseUp(deepcopy(network.trunk.backbone), look.deep))
    looker = SecondLooker(views, look, card, gsd_m=config.gsd_m)
    area = (CROP_PX / recipe.crop_px) ** 2
    larger = replace(
        recipe,
        crop_px=CROP_PX,
        items_mean=max(1.0, recipe.items_mean * area),
        clutter_mean=recipe.clutter_mean * area,
        mined_share=0.0,
    )
    composer = Composer(sources, larger, seed=config.seed + SALT)
    parts = []
    for number in range(config.second_look):
        parts.append(_alarms_of(composer.compose(number), network, looker=looker, config=config))
        if (number + 1) % LOG_EVERY == 0:
            log.info("second look: %d of %d composites", number + 1, config.second_look)
    alarms = Alarms(np.concatenate([p.features for p in parts]), np.concatenate([p.items for p in parts]))
    if min(alarms.items.sum(), (~alarms.items).sum()) <= DIRECTIONS:
        msg = (
            f"second_look: {int(alarms.items.sum())} of {len(alarms.items)} alarms on {config.second_look} composites "
            f"lie on items; more than {DIRECTIONS} of each kind are needed: raise second_look"
        )
        raise TrainingError(msg)
    log.info(
        "second look: fitted on %d composites, %d alarms, %d of them on items",
        config.second_look,
        len(alarms.items),
        int(alarms.items.sum()),
    )
    basis, offset = fitted(alarms, features=card.features)
    look.basis.copy_(torch.from_numpy(basis))
    look.offset.copy_(torch.from_numpy(offset))
    return look.cpu()


def kept_or_fitted(folder: Path, key: str, *, config: TrainConfig, fit: Callable[[], SecondLook]) -> SecondLook:
    """Return the second look that an earlier session of the same run fitted, or fit it and keep it.

    Args:
        folder: Of the run.
        key: What decides the fit; one of another key is fitted anew.
        config: The run's settings.
        fit: Does the work.
    """
    path, card = folder / "second_look.safetensors", second_look_card(config)
    assert card is not None
    if path.is_file():
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("key") == key:
                look = SecondLook(config.backbone, views=len(card.views), features=card.features)
                look.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - no mapping
                return look
    look = fit()
    with replacing(path) as temporary:
        save_file(look.state_dict(), temporary, metadata={"key": key})
    return look


@torch.inference_mode()
def _alarms_of(sample: Sample, network: SurveyNet, *, looker: SecondLooker, config: TrainConfig) -> Alarms:
    """Return the strongest alarms of a composite on its own ground."""
    pixels = torch.from_numpy(sample.pixels).permute(2, 0, 1)[None]
    device = next(network.parameters()).device
    with one_thread():
        coarse = network.trunk.backbone((pixels.to(device).float() - FILL) / 128)[2].cpu()
    cells = np.ascontiguousarray(coarse[0].flatten(1).T.numpy())
    ground = measured_background(cells, trimmed=config.contrast_trimmed)
    window = Sampled(sample.pixels, np.ones(sample.pixels.shape[:2], bool), coarse)
    separation = Separation(config.apart_m / config.gsd_m)
    strength, places = alarms_in(window, ground, margin_px=max(MARGIN_PX, looker.reach_px), separation=separation)
    order = np.argsort(-strength, kind="stable")
    strongest = order[strength[order] > LEAST_DISTANCE][:MOST_A_CROP]
    judged = [(place, item) for place in places[strongest] for item in _judged(place, sample)]
    chosen = np.array([place for place, _ in judged], np.int64).reshape(-1, 2)
    return Alarms(looker.describe(sample.pixels, chosen), np.array([item for _, item in judged], bool))


def _judged(place: NDArray[np.int64], sample: Sample) -> Iterator[bool]:
    """Yield whether an alarm lies on an item; nothing where that cannot be said."""
    row, col = (int(v) for v in place)
    away = np.hypot(sample.row - row, sample.col - col) - np.maximum(REACH_PX, sample.size_px / 2)
    if len(away) and away.min() < 0:
        if not sample.ignored[int(away.argmin())]:
            yield True
    elif sample.known[row // HEAT_STRIDE, col // HEAT_STRIDE] and not (len(away) and away.min() < DOUBT_PX):
        yield False


def fitted(alarms: Alarms, *, features: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return `SecondLook`'s basis (features + 1, D) and offset (features + 1,).

    The first `features` rows are the directions along which alarms that lie on no item vary most, each feature scaled
    to a variance of 1; the last is the regression's.
    """
    mean, scale = alarms.features.mean(axis=0), alarms.features.std(axis=0) + 1e-3
    scaled = (alarms.features - mean) / scale
    middle = scaled[~alarms.items].mean(axis=0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        others = torch.from_numpy(scaled[~alarms.items] - middle)
        directions = torch.svd_lowrank(others, q=DIRECTIONS + 10, niter=4)[2][:, :DIRECTIONS].T.numpy()
    told = (scaled - middle) @ directions.T
    spread = float(np.sqrt(np.mean(told**2)))
    terms = np.column_stack([np.full(len(told), _FREE), told / spread]).astype(np.float64)
    coefficients, _ = fit_logistic(terms, alarms.items, ridge=RIDGE)
    likeness = (coefficients[1:] / spread) @ directions
    rows = np.vstack([directions[:features], likeness]) / scale
    offset = -rows @ (mean + scale * middle)
    offset[-1] += _FREE * coefficients[0]
    return rows.astype(np.float32), offset.astype(np.float32)
