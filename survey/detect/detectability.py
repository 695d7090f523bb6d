"""Chance that an item is found, by how large, how hidden and how blurred it is."""

from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.special import expit

TERMS = ("one", "log2_px", "occluded", "blur_px")
Z95 = 1.959964
"""Half width of a 95 % interval of a normal distribution, in standard deviations."""

Array = NDArray[np.float64]
Range = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]


class Detectability(BaseModel):
    """A logistic curve, fitted to items laid on pictures of ground.

    Composites are easier than real scenes: the curve's height is an upper bound. Its shape is what it is for:
    `relative` compares with an open, sharp item of the same size; a recall measured on real sites is to be multiplied
    by that.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    coefficients: tuple[float, float, float, float]
    """Of `TERMS`: 1, log2 of the longest extent in pixels, share hidden, standard deviation of the blur in pixels."""
    covariance: tuple[tuple[float, float, float, float], ...]
    """(4, 4), of the coefficients."""
    trials: Annotated[int, Field(gt=0)]
    found: Annotated[int, Field(ge=0)]
    score: Annotated[float, Field(gt=0, lt=1)]
    """Least score of a sighting that counts."""
    size_px: Range
    """Range measured, at the model's GSD."""
    occluded: Range
    blur_px: Range
    by_chance: Annotated[float, Field(ge=0, le=1)]
    """Share of the same places found with no item laid on them."""
    grounds: tuple[str, ...]
    ordnance: tuple[str, ...]
    seed: int
    measured_on: str

    @model_validator(mode="after")
    def _check(self) -> Self:
        matrix = np.array(self.covariance, np.float64)
        if matrix.shape != (4, 4) or not np.allclose(matrix, matrix.T) or np.linalg.eigvalsh(matrix).min() < 0:
            msg = "the covariance of the coefficients is a symmetric 4 x 4 matrix without a negative eigenvalue"
            raise ValueError(msg)
        if not np.isfinite(self.coefficients).all():
            msg = f"the coefficients are finite, got {self.coefficients}"
            raise ValueError(msg)
        return self

    def recall(self, px: ArrayLike, occluded: ArrayLike, blur: ArrayLike) -> tuple[Array, Array, Array]:
        """Return the chance to find an item on a composite and the ends of its 95 % interval.

        What is larger than was measured counts as the largest measured; what is harder follows the curve down.

        Args:
            px: Longest extent in pixels at the model's GSD, above 0; broadcast with the others.
            occluded: Share hidden, 0..1.
            blur: Standard deviation of the blur in pixels, at least 0.

        Raises:
            ValueError: A value lies outside of these.
        """
        terms = self._terms(px, occluded, blur)
        value = terms @ np.array(self.coefficients)
        spread = Z95 * np.sqrt(np.einsum("...i,ij,...j->...", terms, np.array(self.covariance), terms))
        return _share(value), _share(value - spread), _share(value + spread)

    def relative(self, px: ArrayLike, occluded: ArrayLike, blur: ArrayLike) -> Array:
        """Return the chance by that of an open, sharp item of the same size, at most 1.

        Raises:
            ValueError: As `recall`.
        """
        best, _, _ = self.recall(px, 0.0, 0.0)
        return np.minimum(1.0, self.recall(px, occluded, blur)[0] / best)

    def _terms(self, px: ArrayLike, occluded: ArrayLike, blur: ArrayLike) -> Array:
        size, hidden, soft = (np.asarray(v, np.float64) for v in np.broadcast_arrays(px, occluded, blur))
        if not (np.all(size > 0) and np.all((hidden >= 0) & (hidden <= 1)) and np.all((soft >= 0) & (soft < np.inf))):
            msg = "px is above 0, occluded lies in 0..1, blur is finite and at least 0"
            raise ValueError(msg)
        return design(np.minimum(size, self.size_px[1]), hidden, soft)


def design(px: Array, occluded: Array, blur: Array) -> Array:
    """Return the (..., 4) terms of the curve."""
    return np.stack([np.ones_like(px), np.log2(px), occluded, blur], axis=-1)


def _share(value: Any) -> Array:
    return np.asarray(expit(value), np.float64)
