"""Regularised learners whose answer may be bound to rise or fall with a feature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from survey.errors import ConfigError
from survey.prior.config import Learner
from survey.prior.model import Average, Boosting, Logistic, Scorer, Tree

Array = NDArray[np.float64]
Truth = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A learner on some columns at one strength of regularisation."""

    learner: Learner
    columns: tuple[str, ...]
    strength: int
    """0 weak, 1, 2 strong; of an average its trees', for its formula is always strongly regularised."""

    @property
    def parts(self) -> "tuple[Candidate, ...]":
        """What an average is made of; nothing for the others."""
        if self.learner != "average":
            return ()
        return Candidate("logistic", self.columns, STRONG), Candidate("boosting", self.columns, self.strength)


STRONG = 2
PENALTY = (1.0, 30.0, 300.0)
"""Half the weight of the squared coefficients against the summed log loss."""


@dataclass(frozen=True, slots=True)
class _Boost:
    leaves: int
    rounds: int
    least_in_leaf: int
    ridge: float


BOOSTS = (_Boost(16, 200, 40, 5.0), _Boost(8, 150, 60, 10.0), _Boost(4, 100, 100, 30.0))
RATE = 0.05


def candidates(learners: Sequence[Learner], sets: Sequence[tuple[str, ...]]) -> tuple[Candidate, ...]:
    """Return everything that competes, what is plainer first."""
    plain: tuple[Learner, ...] = ("logistic", "boosting", "average")
    ordered = [learner for learner in plain if learner in learners]
    return tuple(Candidate(learner, columns, s) for learner in ordered for columns in sets for s in (2, 1, 0))


def train(candidate: Candidate, values: Array, label: Truth, *, monotone: Mapping[str, int], seed: int) -> Scorer:
    """Fit a candidate.

    Args:
        candidate: What to fit; its columns are those of `values`.
        values: (N, K) features, NaN where unknown.
        label: (N,).
        monotone: Signs by column.
        seed: Of what boosting draws.

    Raises:
        ConfigError: Boosting without scikit-learn.
    """
    if parts := candidate.parts:
        logistic, boosting = (train(part, values, label, monotone=monotone, seed=seed) for part in parts)
        if isinstance(logistic, Logistic) and isinstance(boosting, Boosting):
            return Average(logistic=logistic, boosting=boosting)
    signs = [monotone.get(name, 0) for name in candidate.columns]
    if candidate.learner == "logistic":
        return _logistic(values, label, signs=signs, penalty=PENALTY[candidate.strength])
    return _boosting(values, label, signs=signs, boost=BOOSTS[candidate.strength], seed=seed)


def _logistic(values: Array, label: Truth, *, signs: Sequence[int], penalty: float) -> Logistic:
    known = ~np.isnan(values)
    fill = np.array([np.median(column[seen]) if seen.any() else 0.0 for column, seen in zip(values.T, known.T)])  # noqa: B905
    whole = np.where(known, values, fill)
    mean, spread = whole.mean(axis=0), whole.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    terms = np.column_stack([(whole - mean) / scale, np.ones(len(whole))])
    weight = np.full(terms.shape[1], penalty)
    weight[-1] = 0.0

    def loss(at: Array) -> tuple[float, Array]:
        z = terms @ at
        value = np.sum(np.logaddexp(0, z) - label * z) + 0.5 * weight @ at**2
        return float(value), terms.T @ (np.exp(-np.logaddexp(0, -z)) - label) + weight * at

    bounds = [(0.0, None) if s > 0 else (None, 0.0) if s < 0 else (None, None) for s in (*signs, 0)]
    options = {"ftol": 1e-12, "gtol": 1e-8, "maxiter": 2000}
    best = minimize(loss, np.zeros(terms.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    return Logistic(
        fill=tuple(fill.tolist()),
        mean=tuple(mean.tolist()),
        scale=tuple(scale.tolist()),
        weights=tuple(best[:-1].tolist()),
        intercept=float(best[-1]),
    )


def _boosting(values: Array, label: Truth, *, signs: Sequence[int], boost: _Boost, seed: int) -> Boosting:
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        msg = 'learners: boosting needs scikit-learn; pip install "survey[prior]", or set learners to [logistic]'
        raise ConfigError(msg) from error
    fitted = HistGradientBoostingClassifier(
        learning_rate=RATE,
        max_iter=boost.rounds,
        max_leaf_nodes=boost.leaves,
        min_samples_leaf=boost.least_in_leaf,
        l2_regularization=boost.ridge,
        monotonic_cst=list(signs),
        early_stopping=False,
        random_state=seed,
    ).fit(values, label)
    # Its trees are reachable through private names only; that they were read right is checked against its own answer.
    start = float(np.ravel(fitted._baseline_prediction)[0])  # noqa: SLF001
    trees = tuple(_tree(predictor.nodes) for (predictor,) in fitted._predictors)  # noqa: SLF001
    stored = Boosting(start=start, trees=trees)
    if not np.allclose(stored.logit(values), fitted.decision_function(values), rtol=0, atol=1e-9):
        msg = "learners: the trees of this scikit-learn cannot be read; install another of those that [prior] allows"
        raise ConfigError(msg)
    return stored


def _tree(nodes: Any) -> Tree:
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        feature=tuple(np.where(leaf, -1, nodes["feature_idx"].astype(int)).tolist()),
        threshold=tuple(np.where(leaf, 0.0, np.clip(nodes["num_threshold"], -1e300, 1e300)).tolist()),
        missing_left=tuple(nodes["missing_go_to_left"].astype(bool).tolist()),
        left=tuple(nodes["left"].astype(int).tolist()),
        right=tuple(nodes["right"].astype(int).tolist()),
        value=tuple(nodes["value"].tolist()),
    )
