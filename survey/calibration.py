"""From a sighting's logit to the probability that it is ordnance, class by class."""

from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.special import expit


class CurveKind(StrEnum):
    """Form of a curve from logit z, score s = sigmoid(z), to probability. All of them are monotone."""

    CONSTANT = "constant"
    """(logit of the probability,): the score tells nothing."""
    TEMPERATURE = "temperature"
    """(scale,): sigmoid(scale z)."""
    PLATT = "platt"
    """(scale, offset): sigmoid(scale z + offset); Platt 1999."""
    BETA = "beta"
    """(a, b, c): sigmoid(a ln s - b ln(1 - s) + c), a and b at least 0; Kull, Silva Filho and Flach 2017."""
    ISOTONIC = "isotonic"
    """(z1 .. zn, p1 .. pn): probabilities at rising logits, straight in between, level outside."""


_COUNTS = {CurveKind.CONSTANT: 1, CurveKind.TEMPERATURE: 1, CurveKind.PLATT: 2, CurveKind.BETA: 3}


class Curve(BaseModel):
    """One monotone curve."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: CurveKind
    parameters: tuple[float, ...]
    """As `CurveKind` says."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        values, count = self.parameters, len(self.parameters)
        if not np.isfinite(values).all():
            msg = f"the parameters of a curve are finite, got {values}"
            raise ValueError(msg)
        if self.kind is CurveKind.ISOTONIC:
            logits, levels = values[: count // 2], values[count // 2 :]
            if not count or count % 2 or any(b <= a for a, b in pairwise(logits)):
                msg = "an isotonic curve has as many probabilities as logits, and the logits rise"
                raise ValueError(msg)
            if any(b < a for a, b in pairwise(levels)) or not 0 <= levels[0] <= levels[-1] <= 1:
                msg = "the probabilities of an isotonic curve do not fall and lie in 0..1"
                raise ValueError(msg)
        elif count != _COUNTS[self.kind]:
            msg = f"a {self.kind} curve has {_COUNTS[self.kind]} parameters, got {count}"
            raise ValueError(msg)
        slopes = {CurveKind.TEMPERATURE: values[:1], CurveKind.PLATT: values[:1], CurveKind.BETA: values[:2]}
        if any(slope < 0 for slope in slopes.get(self.kind, ())):
            msg = f"a {self.kind} curve does not fall: its slopes are at least 0, got {values}"
            raise ValueError(msg)
        return self

    def probability(self, logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the probability that sightings of these logits are ordnance; the same shape."""
        z, p = logits.astype(np.float64), self.parameters
        match self.kind:
            case CurveKind.CONSTANT:
                value = np.full(z.shape, p[0])
            case CurveKind.TEMPERATURE:
                value = p[0] * z
            case CurveKind.PLATT:
                value = p[0] * z + p[1]
            case CurveKind.BETA:
                value = p[0] * -np.logaddexp(0, -z) + p[1] * np.logaddexp(0, z) + p[2]
            case CurveKind.ISOTONIC:
                return np.asarray(np.interp(z, p[: len(p) // 2], p[len(p) // 2 :]), np.float64)
        return np.asarray(expit(value), np.float64)


class Calibration(Curve):
    """The curve of every class that has none of its own, and the curves of those that do."""

    prevalence: Annotated[float, Field(gt=0, lt=1)]
    """Share of true items among the detections that the curves were fitted on, all classes together."""
    fitted_on: str
    classes: dict[str, Curve] = {}
    """By class name. A class with few sightings has no curve of its own."""

    def by_class(
        self, logits: NDArray[np.floating[Any]], class_index: NDArray[np.integer[Any]], *, classes: tuple[str, ...]
    ) -> NDArray[np.float32]:
        """Return the probability of each sighting by the curve of its class.

        Args:
            logits: (N,).
            class_index: (N,) into `classes`.
            classes: Names of the model's classes.
        """
        probability = self.probability(logits)
        for name, own in self.classes.items():
            if name in classes:
                chosen = class_index == classes.index(name)
                probability[chosen] = own.probability(logits[chosen])
        return probability.astype(np.float32)
