"""Shares and rates with their 95 % intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

ROUNDS = 2000
"""Resamplings of a bootstrap: the ends of a 95 % interval are then steady to a few per cent of its width."""


@dataclass(frozen=True, slots=True)
class Rate:
    """An estimate with its 95 % interval and what it was counted from."""

    value: float | None
    """None where there was nothing to count from."""
    low: float
    high: float
    count: int
    of: float
    interval: str
    """How the interval was made."""


def recall_rate(found: int, items: int) -> Rate:
    """Return a share with its Clopper-Pearson interval (Clopper and Pearson 1934)."""
    low = float(stats.beta.ppf(0.025, found, items - found + 1)) if found else 0.0
    high = float(stats.beta.ppf(0.975, found + 1, items - found)) if found < items else 1.0
    return Rate(found / items if items else None, low, high, found, items, "Clopper-Pearson")


def alarm_rate(alarms: int, area_ha: float) -> Rate:
    """Return false alarms per hectare with the exact Poisson interval (Garwood 1936)."""
    low = float(stats.chi2.ppf(0.025, 2 * alarms) / 2) if alarms else 0.0
    high = float(stats.chi2.ppf(0.975, 2 * alarms + 2) / 2)
    return Rate(alarms / area_ha, low / area_ha, high / area_ha, alarms, area_ha, "Poisson")


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """What a bootstrap draws whole: the sites, or the pictures of the only site."""

    kind: str
    """'site', 'image', 'hectare': the word for one."""
    of: NDArray[np.intp]
    """(K,) unit that each stretch of ground belongs to."""
    area_ha: NDArray[np.float64]
    """(U,) ground of each unit."""

    @classmethod
    def choose(cls, sites: Sequence[str], area_ha: NDArray[np.float64], *, kind: str) -> "Units":
        """Draw sites where there are several, else the stretches of ground (`kind` says what they are)."""
        names, site = np.unique(np.array(sites, dtype=np.str_), return_inverse=True)
        if len(names) > 1:
            return cls("site", site.astype(np.intp), np.bincount(site, weights=area_ha).astype(np.float64))
        return cls(kind, np.arange(len(area_ha)), area_ha)

    def alarm_rates(self, alarms: Sequence[NDArray[np.intp]], *, rounds: int = ROUNDS) -> list[Rate]:
        """Return false alarms per hectare, each with a percentile bootstrap over the units.

        Alarms come in clusters: one kind of bush may give them all. Where units differ, the interval is
        wider than Poisson's. With few units a bootstrap is too narrow, and with no alarm it is empty, so
        the interval is never narrower than Poisson's; a single unit has that one alone.

        Args:
            alarms: For each rate, the stretch of ground in which each alarm lies.
            rounds: Number of resamplings.
        """
        total = float(self.area_ha.sum())
        exact = [alarm_rate(len(each), total) for each in alarms]
        units = len(self.area_ha)
        if units < 2 or not alarms:
            return exact
        counts = np.array([np.bincount(self.of[each], minlength=units) for each in alarms], np.float64)
        rng = np.random.default_rng(0)
        drawn = np.empty((rounds, len(alarms)))
        for n in range(rounds):
            times = np.bincount(rng.integers(units, size=units), minlength=units)
            drawn[n] = counts @ times / (self.area_ha @ times)
        ends = np.quantile(drawn, [0.025, 0.975], axis=0).T
        how = f"bootstrap over {units} {self.kind}s, at least Poisson"
        return [
            Rate(r.value, min(r.low, float(low)), max(r.high, float(high)), r.count, r.of, how)
            for r, (low, high) in zip(exact, ends, strict=True)
        ]
