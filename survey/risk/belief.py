"""What is known of the searching itself: recall and false alarms as distributions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from survey.counts.quadrature import beta_nodes, graded_beta_nodes
from survey.risk.groups import UNIDENTIFIED, counts_by_mark
from survey.risk.ratio import Ratio
from survey.risk.sites import LEAST_SHAPE, next_site, shape_of
from survey.values import ORDNANCE_GROUPS, Performance

UNIDENTIFIED_SHARE = 0.2
"""Share of sightings, true and false, whose group is not told, where the card does not count classes: an equal share
with the four groups. It then cancels from the evidence of a sighting."""
_JEFFREYS = 0.5
"""Added to each count: Jeffreys' prior of a share, and of a rate."""
_Z95 = 1.959964

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Belief:
    """Recall ~ Beta(found, missed); false alarms per searched hectare of each mark ~ Gamma(alarms, rate area_ha).

    Marks are the ordnance groups, then `UNIDENTIFIED`. Rates of marks are independent; their sum is
    Gamma(sum of alarms + undivided, area_ha).
    """

    found: float
    missed: float
    alarms: tuple[float, ...]
    area_ha: float
    undivided: float = 0.0
    """Further false alarms of the groups, of which nobody knows how they divide: in each cell as its items do before
    the search. A class then says nothing about whether a sighting is an item, whatever the prior of its cell."""
    untold: float = UNIDENTIFIED_SHARE
    """Share of the items detected whose group is not told. One number: it is not integrated over."""

    def __post_init__(self) -> None:
        known = (self.found, self.missed, self.alarms[-1], self.area_ha)
        divided = self.undivided > 0 or min(self.alarms) > 0
        if not (all(v > 0 for v in known) and divided and np.isfinite([*known, *self.alarms, self.undivided]).all()):
            msg = f"the parameters of a belief are positive and finite, got {self}"
            raise ValueError(msg)
        if not 0 < self.untold < 1:
            msg = f"the share of items whose group is not told lies between 0 and 1, got {self.untold}"
            raise ValueError(msg)
        if min(self.alarms) < 0 or self.undivided < 0:
            msg = f"false alarms of a belief are not negative, got {self}"
            raise ValueError(msg)
        if len(self.alarms) != len(ORDNANCE_GROUPS) + 1:
            msg = f"false alarms have {len(ORDNANCE_GROUPS) + 1} marks, got {len(self.alarms)}"
            raise ValueError(msg)

    @classmethod
    def from_performance(cls, performance: Performance, *, shares: Sequence[float] | None = None) -> Self:
        """Return what a model's card says, before anything of the site was reviewed.

        Counts enter with Jeffreys' priors. Where the card counts false alarms by site, the rate is what a new site may
        have (`next_site`). Else its interval may be wider than that of a Poisson count, since sites differ, and the
        Gamma is widened to it; that is less than a new site may differ, for it bounds their mean. Where the card has no
        counts, mean and interval are matched.

        Where simulated items were laid on the run's ground and on that of the card, recall is multiplied by the ratio
        of the shares found, at most 1: as the Beta with mean and variance of the product.

        Where the card counts false alarms by class, marks have the shares of Jeffreys' Dirichlet, so none has a rate
        of 0, and a Gamma each. Where sites differ in their rate they differ in its division, and in what items are
        called: counts are worth as much less as the total's is before Jeffreys' prior is added. Where the card does
        not, false alarms divide among groups as items do.

        Args:
            performance: The model's operating point.
            shares: Share of each ordnance group among the items before the search, adding up to 1, for a card without
                classes; None: that of each cell's own prior.
        """
        found, missed = _beta(performance)
        if (ratio := ratio_of(performance)) is not None:
            found, missed = ratio.thinned(found, missed)
        shape, area = _gamma(performance)
        if performance.false_alarms_by_class is not None and performance.found_by_class is not None:
            worth = min(1.0, shape / (performance.false_alarms + _JEFFREYS))
            alarms = counts_by_mark(performance.false_alarms_by_class) * worth + _JEFFREYS
            items = counts_by_mark(performance.found_by_class) * worth
            return cls(
                found,
                missed,
                tuple((shape * alarms / alarms.sum()).tolist()),
                area,
                untold=float((items[UNIDENTIFIED] + _JEFFREYS) / (items.sum() + 2 * _JEFFREYS)),
            )
        told, untold = shape * (1 - UNIDENTIFIED_SHARE), shape * UNIDENTIFIED_SHARE
        if shares is None:
            return cls(found, missed, (*[0.0] * len(ORDNANCE_GROUPS), untold), area, undivided=told)
        return cls(found, missed, (*(told * share for share in shares), untold), area)

    def reviewed(
        self, *, found: float = 0, missed: float = 0, rejected: Sequence[float] = (), searched_ha: float = 0.0
    ) -> Self:
        """Return the belief after items and false alarms were counted on reviewed ground of this site.

        Args:
            found: Items known to be there (seeded, or found on the ground) that the search had found.
            missed: Such items that it had not found.
            rejected: Sightings of each mark that review rejected; empty: none.
            searched_ha: Searched hectares on which every sighting was reviewed.
        """
        alarms = tuple(a + n for a, n in zip(self.alarms, rejected or [0] * len(self.alarms), strict=True))
        return replace(
            self,
            found=self.found + found,
            missed=self.missed + missed,
            alarms=alarms,
            area_ha=self.area_ha + searched_ha,
        )

    @property
    def recall(self) -> float:
        """Expected recall."""
        return self.found / (self.found + self.missed)

    @property
    def false_alarms_per_ha(self) -> float:
        """Expected false alarms per searched hectare, of all marks."""
        return (sum(self.alarms) + self.undivided) / self.area_ha

    def alarms_in(self, prior_mean: Array) -> Array:
        """Return the Gamma shapes of false alarms (cells, marks) in cells of a prior with means (cells, groups)."""
        alarms = np.tile(self.alarms, (len(prior_mean), 1))
        alarms[:, :UNIDENTIFIED] += self.undivided * prior_mean / prior_mean.sum(axis=1, keepdims=True)
        return alarms

    def nodes(self, count: int) -> tuple[Array, Array]:
        """Return (recalls, weights) of `beta_nodes` over the distribution of recall."""
        return beta_nodes(self.found, self.missed, count)

    def graded_nodes(self, each: int) -> tuple[Array, Array]:
        """Return (recalls, weights) of `graded_beta_nodes` over the distribution of recall."""
        return graded_beta_nodes(self.found, self.missed, each)


def ratio_of(performance: Performance) -> Ratio | None:
    """Return what recall is multiplied by; None where implants were not counted on both grounds."""
    counts = (
        performance.implants_laid,
        performance.implants_found,
        performance.implants_laid_reference,
        performance.implants_found_reference,
    )
    return Ratio(*counts) if counts[0] and counts[2] else None


def _beta(performance: Performance) -> tuple[float, float]:
    if performance.items:
        return performance.found + _JEFFREYS, performance.items - performance.found + _JEFFREYS
    mean = min(performance.recall, 1 - 1e-3)
    low, high = performance.recall_interval
    sd = max((high - low) / (2 * _Z95), 1e-6)
    size = max(mean * (1 - mean) / sd**2 - 1, 2 * LEAST_SHAPE)
    return mean * size, (1 - mean) * size


def _gamma(performance: Performance) -> tuple[float, float]:
    if performance.site_alarms:
        return next_site(performance.site_alarms, performance.site_ha)
    low, high = performance.false_alarms_interval
    spread = np.log(high / low) / (2 * _Z95) if 0 < low < high < np.inf else None
    fitted = shape_of(spread**2) if spread is not None else None
    if performance.searched_ha:
        shape = performance.false_alarms + _JEFFREYS
        kept = min(1.0, fitted / shape) if fitted else 1.0
        return shape * kept, performance.searched_ha * kept
    shape = fitted or LEAST_SHAPE
    return shape, shape / performance.false_alarms_per_ha
