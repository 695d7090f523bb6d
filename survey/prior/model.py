"""A learnt prior as plain JSON: features, a logistic formula or trees, and a calibration curve. No code is stored."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from survey.calibration import Curve
from survey.errors import ModelError
from survey.prior.context import Context

MODEL = "prior.json"
Array = NDArray[np.float64]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Logistic(_Part):
    """intercept + sum of weight × (value - mean) / scale, unknown values at the training's median."""

    kind: Literal["logistic"] = "logistic"
    fill: tuple[float, ...]
    mean: tuple[float, ...]
    scale: tuple[Annotated[float, Field(gt=0)], ...]
    weights: tuple[float, ...]
    intercept: float

    def logit(self, values: Array) -> Array:
        """Return the uncalibrated logit of (N, K) values."""
        known = np.where(np.isnan(values), np.array(self.fill), values)
        return np.asarray((known - self.mean) / self.scale @ np.array(self.weights) + self.intercept, np.float64)

    def check(self, width: int) -> None:
        """Refuse other than one number a feature."""
        if {len(self.fill), len(self.mean), len(self.scale), len(self.weights)} != {width}:
            msg = f"a logistic prior of {width} features has {width} medians, means, scales and weights"
            raise ValueError(msg)


class Tree(_Part):
    """Nodes from the root (0). A leaf has `feature` -1; a branch goes left where value <= threshold."""

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    missing_left: tuple[bool, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[float, ...]

    def logit(self, values: Array) -> Array:
        """Return the value of the leaf that each row of (N, K) values comes to."""
        feature, threshold = np.array(self.feature), np.array(self.threshold)
        left, right, missing_left = np.array(self.left), np.array(self.right), np.array(self.missing_left)
        node = np.zeros(len(values), np.intp)
        while (branching := np.flatnonzero(feature[node] >= 0)).size:
            at = node[branching]
            asked = values[branching, feature[at]]
            goes_left = np.where(np.isnan(asked), missing_left[at], asked <= threshold[at])
            node[branching] = np.where(goes_left, left[at], right[at])
        return np.asarray(np.array(self.value)[node], np.float64)

    def check(self, width: int) -> None:
        """Refuse trees whose branches do not lead downwards to leaves."""
        count = len(self.feature)
        if not count or any(len(getattr(self, name)) != count for name in type(self).model_fields):
            msg = "a tree has one entry a node in each of its lists"
            raise ValueError(msg)
        for n, feature in enumerate(self.feature):
            onward = feature < 0 or (n < self.left[n] < count and n < self.right[n] < count)
            if not (-1 <= feature < width and onward):
                msg = f"node {n} of a tree leads nowhere"
                raise ValueError(msg)


class Boosting(_Part):
    """start + the sum of all trees."""

    kind: Literal["boosting"] = "boosting"
    start: float
    trees: tuple[Tree, ...]

    def logit(self, values: Array) -> Array:
        """Return the uncalibrated logit of (N, K) values."""
        total = np.full(len(values), self.start)
        for tree in self.trees:
            total += tree.logit(values)
        return total

    def check(self, width: int) -> None:
        """Check every tree."""
        for tree in self.trees:
            tree.check(width)


class Average(_Part):
    """The mean of the logits of a formula and of trees."""

    kind: Literal["average"] = "average"
    logistic: Logistic
    boosting: Boosting

    def logit(self, values: Array) -> Array:
        """Return the uncalibrated logit of (N, K) values."""
        return 0.5 * (self.logistic.logit(values) + self.boosting.logit(values))

    def check(self, width: int) -> None:
        """Check both."""
        self.logistic.check(width)
        self.boosting.check(width)


Scorer = Logistic | Boosting | Average


class LearntPrior(_Part):
    """P(contaminated) of a cell from its features."""

    format: Literal[1]
    features: tuple[str, ...]
    log: tuple[str, ...]
    """Columns taken as ln(1 + value)."""
    context: tuple[Context, ...]
    """Those of `features` that are made from the cells around."""
    x: str
    y: str
    crs: str
    known: tuple[tuple[float, float], ...] = ()
    """x and y of the contaminated ground that `HISTORY` is measured to; none where it is no feature."""
    scorer: Annotated[Scorer, Field(discriminator="kind")]
    curve: Curve
    least: tuple[float, ...]
    """Of each feature in training."""
    greatest: tuple[float, ...]
    training: dict[str, Any]
    """Settings, hashes and figures of the training."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.least) != len(self.features) or len(self.greatest) != len(self.features):
            msg = "every feature has its range in training"
            raise ValueError(msg)
        self.scorer.check(len(self.features))
        return self

    def probability(self, values: Array) -> Array:
        """Return the calibrated P(contaminated); NaN where nothing is known of a cell.

        Args:
            values: (N, K) as `feature_values` returns them for `features`; NaN is unknown.
        """
        chance = self.curve.probability(self.scorer.logit(values))
        return np.where(np.isnan(values).all(axis=1), np.nan, chance)

    def strange(self, values: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return how many features of each row lie outside the training's range, and how many are unknown."""
        outside = (values < np.array(self.least)) | (values > np.array(self.greatest))
        return outside.sum(axis=1).astype(np.intp), np.isnan(values).sum(axis=1).astype(np.intp)


def dump_prior(prior: LearntPrior) -> bytes:
    """Return the file's content; the same prior gives the same bytes."""
    return json.dumps(prior.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, allow_nan=False).encode()


def load_prior(path: Path) -> LearntPrior:
    """Read a prior: the file, or the folder that `survey prior fit` wrote it into.

    Raises:
        ModelError: It cannot be read, or is none.
    """
    file = path / MODEL if path.is_dir() else path
    try:
        return LearntPrior.model_validate_json(file.read_bytes())
    except OSError as error:
        msg = f"{file}: cannot be read ({error.strerror}); give what `survey prior fit` wrote"
        raise ModelError(msg) from error
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"])
        msg = f"{file}: {place}: {problem['msg']}; fit the prior again"
        raise ModelError(msg) from error
