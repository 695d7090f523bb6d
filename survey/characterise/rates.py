"""How often pictures are flagged: as they are, with their site left out of the reference, and altered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from survey.characterise.altered import ALTERED, INDOOR, indoor
from survey.characterise.false_colours import FALSE_COLOURS
from survey.characterise.hues import fit_hues
from survey.characterise.reference import Window, cut, fit_reference, hue_windows, windows_of
from survey.datasets.sources import Picture
from survey.novelty import Reference, Signature, Verdict
from survey.novelty.signature import Signer

MOST_ALTERED = 6
"""Pictures of a site that are altered."""
WINDOWS_ALTERED = 6
"""Windows of each of them."""

Rates = dict[str, float]


@dataclass(frozen=True, slots=True)
class NoveltyRates:
    """Shares of pictures that are flagged."""

    as_is: Rates
    """By site, by the reference that has them all."""
    left_out: Rates
    """By site, by a reference that has no picture of the site."""
    altered: dict[str, Rates]
    """By kind and site; all ground is known, but false colour was fitted without the site."""
    pictures: dict[str, int]
    """Pictures of each site."""
    altered_known: dict[str, Rates] = field(default_factory=dict)
    """The same where false colour was fitted with the site."""
    altered_new_kind: dict[str, Rates] = field(default_factory=dict)
    """The same where it was fitted without the site and without false colours of the same family."""

    def pooled(self) -> Rates:
        """Return the altered pictures' shares by kind, every site weighing the same."""
        return {kind: float(np.mean(list(rates.values()))) for kind, rates in self.altered.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """What altered pictures are asked with."""

    sign: Signer
    reference: Reference
    gsd_m: float
    """The model's."""
    seed: int

    def flags(self, views: Sequence[NDArray[np.uint8]]) -> bool:
        """Tell whether a picture that shows these views, at the model's GSD, is flagged."""
        return Verdict.of(self.reference.scores(self.signed(views))).flagged

    def signed(self, views: Sequence[NDArray[np.uint8]]) -> list[Signature]:
        """Return the signatures of up to `WINDOWS_ALTERED` windows of each view."""
        windows = [window for view in views for window in windows_of(view, most=WINDOWS_ALTERED)]
        signatures = [self.sign(window, np.ones(window.shape[:2], bool)) for window in windows]
        return [s for s in signatures if s is not None]


def measure_rates(
    sites: Mapping[str, Sequence[Picture]],
    windows: Sequence[Window],
    probe: Probe,
) -> NoveltyRates:
    """Return how many pictures are flagged: as they are, with their site left out, and altered."""
    reference = probe.reference
    as_is = {site: _flagged([w for w in windows if w.site == site], reference) for site in sorted(sites)}
    rates = NoveltyRates(as_is, {}, {}, {site: len(pictures) for site, pictures in sites.items()})
    for number, site in enumerate(sorted({w.site for w in windows if w.real})):
        others, hues = [w for w in windows if w.site != site], None
        if any(w.real for w in others):
            without = fit_reference(others, quantile=reference.quantile)
            rates.left_out[site] = _flagged([w for w in windows if w.site == site], without)
            hues = without.hues
        told = {"": replace(reference, hues=hues)}
        for family in {family for family, _ in FALSE_COLOURS.values()}:
            told[family] = replace(reference, hues=fit_hues(hue_windows(others), without=family))
        for kind in ALTERED:
            signed = list(_altered(kind, sites[site], probe, number=number))
            rates.altered.setdefault(kind, {})[site] = _share(signed, told[""])
            if kind in FALSE_COLOURS:
                rates.altered_known.setdefault(kind, {})[site] = _share(signed, reference)
                rates.altered_new_kind.setdefault(kind, {})[site] = _share(signed, told[FALSE_COLOURS[kind][0]])
    rng = np.random.default_rng([probe.seed, len(ALTERED)])
    rates.altered[INDOOR] = {"made up": float(np.mean([probe.flags([indoor(rng)]) for _ in range(MOST_ALTERED)]))}
    return rates


def _altered(kind: str, pictures: Sequence[Picture], probe: Probe, *, number: int) -> Iterator[list[Signature]]:
    """Yield the signatures of each altered picture of the site of this number."""
    for n in np.unique(np.linspace(0, len(pictures) - 1, MOST_ALTERED).round().astype(int)):
        rng = np.random.default_rng([probe.seed, number, int(n), list(ALTERED).index(kind)])
        windows = cut(pictures[n], gsd_m=probe.gsd_m, most=WINDOWS_ALTERED)
        yield probe.signed([ALTERED[kind](window, rng, probe.gsd_m) for window in windows])


def _share(pictures: Sequence[Sequence[Signature]], reference: Reference) -> float:
    """Return the share of pictures, given by their windows, that is flagged."""
    return float(np.mean([Verdict.of(reference.scores(signatures)).flagged for signatures in pictures]))


def _flagged(windows: Sequence[Window], reference: Reference) -> float:
    """Return the share of pictures, as they are, that is flagged."""
    plain = [w for w in windows if not w.varied]
    pictures = sorted({w.picture for w in plain})
    verdicts = [Verdict.of(reference.scores([w.signature for w in plain if w.picture == n])) for n in pictures]
    return float(np.mean([verdict.flagged for verdict in verdicts])) if verdicts else 0.0
