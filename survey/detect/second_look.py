"""A second, nearer look at the places that a search takes for items.

The first look measures how unlike ordinary ground a place is. So are stones, holes, tufts and litter. The second asks
two things of each place, by features of the whole ImageNet network on a few magnified views of it: how unlike the
flight's *other* alarms is it, and how like the items of the composites?

The flight's own strongest alarms are the measure of the first question, as its own ground is that of the first look:
mean and covariance of some of their features, without the farthest, and the Mahalanobis distance to them. Where half a
hectare holds a thousand stones, a stone is ordinary. So would be the mines of a dense field, if nothing else stood out
there: so alarms that are like items are left out of the measure, and the farthest of the others, and the distance is
added to what the first look said, never put in its place.

On calm ground a third thing is asked: how unlike the *ground* is the place, seen nearer? A cell of the first look is as
large as a small mine. Enlarged, the mine fills cells of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from survey.networks import LATTICE_PX
from survey.networks.close_up import Middle, SecondLook
from survey.networks.view_runtime import ViewRuntime

_TOGETHER = 64
"""Places whose views are held in memory together."""


class View(BaseModel):
    """How a place is shown to the network: a square of ground, and the pixels that it is enlarged to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    extent_m: Annotated[float, Field(gt=0)]
    px: Annotated[int, Field(ge=128, multiple_of=2 * LATTICE_PX)]


VIEWS = (View(extent_m=0.24, px=128), View(extent_m=0.48, px=128), View(extent_m=0.96, px=160))
"""A small mine fills the first; the last shows a mortar bomb whole, and what surrounds the others."""


class NearCard(BaseModel):
    """How contrast with the ground counts where it is seen nearer.

    `calm * (bias + contrast * relative ln(distance))` is added to a logit, the distance being that of the cell in the
    view's middle that is farthest from the ground, less the surroundings of the first look.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    view: View
    contrast: Annotated[float, Field(ge=0)]
    bias: float
    margin: Annotated[float, Field(ge=0)]
    """What it may add to a logit, beside the card's margin."""
    rough_tail: Annotated[float, Field(gt=0)]
    """Tail of a flight's ground from which on nothing is added; all of it up to the usual tail, less in between."""

    def calm(self, tail: float, *, usual: float | None) -> float:
        """Return the share that counts on a flight's ground."""
        least = self.rough_tail if usual is None else min(usual, self.rough_tail)
        return float(np.interp(tail, (least, self.rough_tail), (1, 0)))


class SecondLookCard(BaseModel):
    """Weights of the sum that tells items: `first look + bias + others * ln(distance) + items * likeness`.

    Where there were too few other alarms to tell the distance from, it is `first look + items * likeness`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    others: Annotated[float, Field(ge=0)]
    """Of ln(distance to the flight's other alarms)."""
    items: Annotated[float, Field(ge=0)]
    """Of the logit of a regression that tells items of composites from alarms of their ground."""
    bias: float
    trimmed: Annotated[float, Field(ge=0, lt=0.5)]
    """Share of the alarms, those farthest from the rest, that is left out of their measure."""
    most_like: float
    """Alarms that are more like items than this logit are none of them: they may be a field of one kind of mine."""
    alarms_a_window: Annotated[float, Field(gt=0)]
    """Alarms, the strongest, that are measured for each window of ground that is."""
    features: Annotated[int, Field(gt=0)]
    """That alarms are told apart by."""
    views: tuple[View, ...]
    margin: Annotated[float, Field(ge=0)]
    """What a second look may add to a logit: only places that it could make sightings are looked at."""
    least_logit: float
    """Of the first look, below which no place is looked at again, and none is a sighting."""
    near: NearCard | None = None
    """Contrast with the ground seen nearer; None: it does not count."""

    def extents_px(self, gsd_m: float) -> tuple[int, ...]:
        """Return the edges of the views in working pixels, even ones; that of the ground seen nearer is the last."""
        views = self.views if self.near is None else (*self.views, self.near.view)
        return tuple(2 * round(view.extent_m / gsd_m / 2) for view in views)


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What a second look says of N places."""

    features: NDArray[np.float32]
    """(N, features) that alarms are told apart by."""
    likeness: NDArray[np.float32]
    """(N,) logits: like the items of the composites."""


class SecondLooker:
    """Looks at places of a picture."""

    def __init__(
        self,
        runtime: ViewRuntime,
        look: SecondLook,
        card: SecondLookCard,
        *,
        gsd_m: float,
        near: ViewRuntime | None = None,
    ) -> None:
        """Look by a runtime for views, and ask what `look` asks; `near` runs `Middle`, where the card asks for it."""
        self.card = card
        self._extents = card.extents_px(gsd_m)
        self._runtime, self._look, self._near = runtime, look.eval(), near

    @property
    def reach_px(self) -> int:
        """Pixels that a view reaches from its middle."""
        return max(self._extents) // 2

    def describe(self, pixels: NDArray[np.uint8], places: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return all features, (N, D): of a place alone, whatever others are looked at with it.

        Args:
            pixels: uint8 (H, W, 3) at the model's GSD.
            places: (N, 2) rows and columns; every view lies in the picture.

        Raises:
            ValueError: A view does not.
        """
        self._check(pixels, places)
        parts = [
            np.concatenate([self._runtime(views) for views in self._views(pixels, places[n : n + _TOGETHER])], axis=1)
            for n in range(0, len(places), _TOGETHER)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self._look.basis.shape[1]), np.float32)

    def cells(self, pixels: NDArray[np.uint8], places: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the features of cells of places seen nearer, (N, `Middle.CELLS` ** 2, C), as `describe` does."""
        assert self.card.near is not None
        assert self._near is not None
        self._check(pixels, places)
        view, extent = self.card.near.view, self._extents[-1]
        parts = [self._near(np.empty((0, view.px, view.px, 3), np.uint8))]
        parts += [
            self._near(_cut(pixels, places[n : n + _TOGETHER], extent, view)) for n in range(0, len(places), _TOGETHER)
        ]
        together = np.concatenate(parts)
        return together.reshape(len(places), Middle.CELLS**2, together.shape[1] // Middle.CELLS**2)

    def _check(self, pixels: NDArray[np.uint8], places: NDArray[np.integer]) -> None:
        reach = self.reach_px
        if len(places) and ((places < reach).any() or (places + reach > pixels.shape[:2]).any()):
            msg = f"a place lies less than {reach} px from the edge of a picture of {pixels.shape[:2]}"
            raise ValueError(msg)

    @torch.inference_mode()
    def __call__(self, pixels: NDArray[np.uint8], places: NDArray[np.integer]) -> Looks:
        """Return what is seen at places (see `describe`)."""
        told = self._look(torch.from_numpy(self.describe(pixels, places))).numpy()
        return Looks(told[:, :-1], told[:, -1])

    def _views(self, pixels: NDArray[np.uint8], places: NDArray[np.integer]) -> Iterator[NDArray[np.uint8]]:
        """Yield (N, px, px, 3) for each view of the card."""
        for extent, view in zip(self._extents, self.card.views, strict=False):
            yield _cut(pixels, places, extent, view)


def _cut(pixels: NDArray[np.uint8], places: NDArray[np.integer], extent: int, view: View) -> NDArray[np.uint8]:
    """Return a view of each place, enlarged: (N, px, px, 3)."""
    method = cv2.INTER_AREA if view.px < extent else cv2.INTER_LINEAR
    cut = [
        cv2.resize(pixels[r : r + extent, c : c + extent], (view.px, view.px), interpolation=method)
        for r, c in (places - extent // 2).tolist()
    ]
    return np.stack(cut).astype(np.uint8, copy=False)
