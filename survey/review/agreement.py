"""Do two reviewers who do not see each other's verdicts say the same?"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.review.decision import Decision, Kind, Status
from survey.review.standing import YES, not_taken_back

CATEGORIES = ("item", "none", "unsure")
_DRAWS = 5_000


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Cohen's kappa of pairs of independent verdicts on sightings."""

    table: NDArray[np.intp]
    """(3, 3) pairs by `CATEGORIES` of the first reviewer and of the second."""
    kappa: float | None
    """None where there is no pair, or both only ever said one and the same thing."""
    low: float
    high: float
    """95 % interval of kappa."""
    same_class: int
    """Pairs of 'item' in which both also gave the same class."""

    @property
    def pairs(self) -> int:
        """Number of pairs."""
        return int(self.table.sum())

    @property
    def agreed(self) -> int:
        """Pairs in the same category."""
        return int(np.trace(self.table))


def agreement(decisions: Iterable[Decision]) -> Agreement:
    """Compare the first two independent verdicts on each sighting.

    Independent are the first verdict of all, and every blind one of a reviewer who had not judged the thing before.
    A relabelled sighting is an item.

    The interval is that of the posterior of the table under Perks' prior (1/9 in each of the nine fields): unlike the
    usual standard error it does not vanish where few pairs all agree.

    Args:
        decisions: In the order of their times.
    """
    opinions: dict[str, list[Decision]] = {}
    for d in not_taken_back(decisions):
        if d.opinion.kind is not Kind.SIGHTING:
            continue
        told = opinions.setdefault(d.opinion.subject, [])
        known = any(before.opinion.reviewer == d.opinion.reviewer for before in told)
        if not known or d.opinion.blind_round == 0:  # whoever judged openly has seen the others' verdicts
            told.append(d)
    table = np.zeros((3, 3), np.intp)
    same = 0
    for told in opinions.values():
        independent = [told[0], *(d for d in told[1:] if d.opinion.blind_round)]
        if len(independent) > 1:
            first, second = independent[0].opinion, independent[1].opinion
            table[_category(first.status), _category(second.status)] += 1
            both = first.status in YES and second.status in YES
            same += int(both and first.label == second.label)
    return _agreement(table, same_class=same)


def _agreement(table: NDArray[np.intp], *, same_class: int) -> Agreement:
    if not table.sum():
        return Agreement(table, None, -1.0, 1.0, same_class)
    value = float(cohen_kappa(table[None].astype(np.float64))[0])
    drawn = np.random.default_rng(0).dirichlet(table.ravel() + 1 / table.size, _DRAWS)
    kappas = cohen_kappa(drawn.reshape(_DRAWS, *table.shape))
    low, high = (float(v) for v in np.nanquantile(kappas, [0.025, 0.975]))
    return Agreement(table, value if np.isfinite(value) else None, low, high, same_class)


def cohen_kappa(tables: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Cohen's kappa (1960) of each of (N, k, k) tables; NaN where chance alone agrees always."""
    share = tables / tables.sum(axis=(1, 2), keepdims=True)
    agreed = np.trace(share, axis1=1, axis2=2)
    chance = (share.sum(axis=2) * share.sum(axis=1)).sum(axis=1)
    with np.errstate(invalid="ignore"):
        kappa: NDArray[np.float64] = np.where(chance < 1 - 1e-12, (agreed - chance) / (1 - chance), np.nan)
    return kappa


def _category(status: Status) -> int:
    if status in YES:
        return 0
    return 1 if status is Status.REJECTED else 2
