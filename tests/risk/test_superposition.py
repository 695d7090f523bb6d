"""The posterior of groups against brute-force simulation, against the closed form, and against itself."""

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.signal import fftconvolve
from scipy.special import gamma
from scipy.stats import nbinom

from survey.evidence.gamma import shape_of
from survey.risk import (
    UNIDENTIFIED,
    Belief,
    CellEvidence,
    Inference,
    Posterior,
    Prior,
    PriorField,
    infer,
    items_per_cell,
    marks_of,
)
from survey.risk.posterior import log_label_ratio
from survey.values import ORDNANCE_GROUPS, Performance

PRIOR = Prior(mean_items_per_ha=1.5, shape=0.8, shares=(0.4, 0.3, 0.2, 0.1))
BELIEF = Belief(found=8.5, missed=4.5, alarms=(1.2, 0.9, 0.6, 0.3, 0.75), area_ha=2.0)
GROUPS = len(ORDNANCE_GROUPS)


def evidence(
    searched: list[float], sightings: list[tuple[int, int, float, bool]], **more: NDArray[np.float64]
) -> CellEvidence:
    """Return a search with sightings of (cell, mark, f1 / f0, confirmed)."""
    cell, mark, ratio, confirmed = (np.array([s[k] for s in sightings]) for k in range(4))
    return CellEvidence(
        np.array(searched),
        log_ratio=np.log(ratio.astype(np.float64)),
        cell=cell.astype(np.intp),
        mark=mark.astype(np.intp),
        confirmed=confirmed.astype(np.bool_),
        **more,
    )


def inferred(
    seen: CellEvidence, *, prior: Prior | PriorField = PRIOR, belief: Belief = BELIEF, threads: int = 1
) -> Inference:
    field = prior.over(len(seen.searched_ha)) if isinstance(prior, Prior) else prior
    return infer(seen, prior=field, belief=belief, threads=threads)


class Drawn:
    """Everything unknown of one cell drawn from the prior, and weighed by the likelihood as it is written down."""

    def __init__(
        self,
        searched: float,
        sightings: list[tuple[int, int, float, bool]],
        *,
        looks: float = 1,
        belief: Belief = BELIEF,
        prior: PriorField | None = None,
    ) -> None:
        prior = prior or PRIOR.over(1)
        rng, draws = np.random.default_rng(11), 1_000_000
        recall = rng.beta(belief.found, belief.missed, draws)
        density = rng.gamma(prior.shape[0], 1 / prior.rate_ha[0], (draws, GROUPS))
        alarms = rng.gamma(belief.alarms, 1 / belief.area_ha, (draws, GROUPS + 1))
        p = 1 - (1 - recall) ** looks
        intensity = np.column_stack([density * (1 - belief.untold), density.sum(axis=1) * belief.untold])
        intensity *= p[:, None]
        likelihood = np.exp(-searched * (intensity.sum(axis=1) + alarms.sum(axis=1)))
        found = np.zeros((draws, GROUPS), np.intp)
        own = density / density.sum(axis=1, keepdims=True)
        for _, mark, ratio, confirmed in sightings:
            item, false = intensity[:, mark] * ratio, 0.0 if confirmed else alarms[:, mark]
            likelihood *= item + false
            real = rng.random(draws) < item / (item + false)
            group = (own.cumsum(axis=1) < rng.random((draws, 1))).sum(axis=1).clip(max=GROUPS - 1)
            found[np.arange(draws), group if mark == UNIDENTIFIED else mark] += real
        self.unseen = rng.poisson(density * (1 - p * searched)[:, None])
        self.items = found + self.unseen
        self.weight = likelihood / likelihood.sum()
        self.effective = 1 / np.sum(self.weight**2)

    def check(self, found: Posterior, items: NDArray[np.intp], unseen: NDArray[np.intp], column: int | None) -> None:
        """Hold a posterior to 4.5 standard errors of the weighted mean, and quantiles to the levels they claim."""
        at = (0,) if column is None else (0, column)
        for value, truth in (
            (found.expected_items, items.astype(float)),
            (found.p_at_least_one, (items > 0).astype(float)),
            (found.p_unseen, (unseen > 0).astype(float)),
        ):
            mean = self.weight @ truth
            error = np.sqrt(np.sum(self.weight**2 * (truth - mean) ** 2))
            assert abs(value[at] - mean) <= 4.5 * error + 1e-9
        margin = 4.5 * np.sqrt(0.25 / self.effective)
        for quantile, level in ((found.q05, 0.05), (found.q95, 0.95)):
            assert self.weight @ (items <= quantile[at]) > level - margin
            assert self.weight @ (items < quantile[at]) < level + margin


@pytest.mark.parametrize(
    ("searched", "sightings", "looks"),
    [
        (0.7, [], 1.0),
        (0.9, [(0, 0, 3.0, False)], 1.0),
        (0.6, [(0, 0, 3.0, False), (0, 0, 1.5, False), (0, 2, 4.0, False)], 2.4),
        (0.8, [(0, UNIDENTIFIED, 5.0, False), (0, UNIDENTIFIED, 1.0, False), (0, 1, 2.0, False)], 1.0),
        (0.5, [(0, 3, 1.0, True), (0, 1, 0.5, False), (0, UNIDENTIFIED, 2.0, True)], 1.0),
    ],
    ids=["nothing", "one", "a cluster, two looks", "of no group", "confirmed"],
)
def test_posterior_equals_brute_force(
    searched: float, sightings: list[tuple[int, int, float, bool]], looks: float
) -> None:
    found = inferred(evidence([searched], sightings, looks=np.array([looks])))
    drawn = Drawn(searched, sightings, looks=looks)
    assert drawn.effective > 10_000
    drawn.check(found.total, drawn.items.sum(axis=1), drawn.unseen.sum(axis=1), None)
    for g in range(GROUPS):
        drawn.check(found.groups, drawn.items[:, g], drawn.unseen[:, g], g)


OWN = PriorField(np.array([[0.05, 0.4, 0.02, 1.5]]), np.array([[0.02, 0.5, 0.3, 6.0]]))
"""Groups of rates of their own, as evidence gives them: some rare and in plenty, some thin and even."""
UNTOLD = (0, UNIDENTIFIED, 4.0, False)


@pytest.mark.parametrize(
    ("searched", "sightings"),
    [
        (0.7, []),
        (0.9, [(0, 0, 3.0, False), (0, 3, 2.0, False)]),
        (0.8, [UNTOLD, UNTOLD, (0, 1, 2.0, False), (0, 2, 8.0, False)]),
        (0.5, [(0, 1, 1.0, True), (0, UNIDENTIFIED, 2.0, True), UNTOLD]),
        (0.9, [UNTOLD] * 12),
    ],
    ids=["nothing", "two groups", "of no group", "confirmed", "a dozen of no group"],
)
def test_groups_of_their_own_rates_equal_brute_force(
    searched: float, sightings: list[tuple[int, int, float, bool]]
) -> None:
    found = inferred(evidence([searched], sightings), prior=OWN)
    drawn = Drawn(searched, sightings, prior=OWN)
    assert drawn.effective > 3000
    drawn.check(found.total, drawn.items.sum(axis=1), drawn.unseen.sum(axis=1), None)
    for g in range(GROUPS):
        drawn.check(found.groups, drawn.items[:, g], drawn.unseen[:, g], g)


def by_every_division(
    searched: float, sightings: list[tuple[int, int, float, bool]], prior: PriorField
) -> tuple[list[float], NDArray[np.float64]]:
    """Return expected items, P(at least one) and P(one unseen) of total and groups, and probabilities of totals.

    Every sighting is a false alarm or an item of a group: all ways are gone through, and recall is integrated on a fine
    grid. Given both, undetected items of each group are a negative binomial.
    """
    b, number = BELIEF, np.arange(120)
    recall = (np.arange(2000) + 0.5) / 2000
    at_recall = recall ** (b.found - 1) * (1 - recall) ** (b.missed - 1)
    shape, rate = prior.shape[0], prior.rate_ha[0][:, None] + searched * recall
    sums, pmf, whole = np.zeros((3, 1 + GROUPS)), np.zeros(len(number)), 0.0
    options = [(g for g in (*range(GROUPS), None)) if m == UNIDENTIFIED else (m, None) for _, m, _, _ in sightings]
    for way in product(*options):
        own = np.array([way.count(g) for g in range(GROUPS)])
        weight = at_recall * recall ** own.sum()
        for (_, mark, ratio, confirmed), g in zip(sightings, way, strict=True):
            share = b.untold if mark == UNIDENTIFIED else 1 - b.untold
            weight = weight * ((1.0 if confirmed else ratio * share) if g is not None else float(not confirmed))
        for mark in range(GROUPS + 1):
            false = sum(g is None and s[1] == mark for s, g in zip(sightings, way, strict=True))
            weight = weight * gamma(b.alarms[mark] + false) / (b.area_ha + searched) ** false
        for g in range(GROUPS):
            weight = weight * gamma(shape[g] + own[g]) / rate[g] ** (shape[g] + own[g])
        if not weight.any():
            continue
        size, keep = shape + own, rate / (prior.rate_ha[0][:, None] + 1)
        none = keep ** size[:, None]
        mean = own[:, None] + size[:, None] * (1 / keep - 1)
        for place, chosen in enumerate([slice(None), *(slice(g, g + 1) for g in range(GROUPS))]):
            nothing = none[chosen].prod(axis=0)
            sums[0, place] += weight @ mean[chosen].sum(axis=0)
            sums[1, place] += weight @ (1 - nothing * (own[chosen].sum() == 0))
            sums[2, place] += weight @ (1 - nothing)
        whole += weight.sum()
        for at in range(0, len(recall), 100):  # the mean over neighbours: the total asks for less
            here = weight[at : at + 100].sum()
            undetected = [nbinom.pmf(number, s, k[at + 50]) for s, k in zip(size, keep, strict=True)]
            total = reduce(lambda one, other: np.convolve(one, other)[: len(number)], undetected)
            pmf[own.sum() :] += here * total[: len(number) - own.sum()]
    return (sums / whole).ravel().tolist(), pmf / whole


def test_every_division_of_the_sightings_is_weighed() -> None:
    sightings = [UNTOLD, (0, UNIDENTIFIED, 1.5, True), UNTOLD, (0, 2, 3.0, False), (0, 3, 0.4, False)]
    told, pmf = by_every_division(0.8, sightings, OWN)
    counts = np.array([[3, 1, 1, 0, 1]])
    found = infer(evidence([0.8], sightings), prior=OWN, belief=BELIEF, counts=counts)
    values = [
        np.append(getattr(found.total, n), getattr(found.groups, n))
        for n in ("expected_items", "p_at_least_one", "p_unseen")
    ]
    assert np.ravel(values).tolist() == pytest.approx(told, rel=1e-5)
    assert found.at_most is not None
    assert found.below is not None
    assert found.at_most[0, 0] == pytest.approx(pmf[:4].sum(), abs=2e-3)
    assert found.below[0, 0] == pytest.approx(pmf[:3].sum(), abs=2e-3)
    for quantile, level in ((found.total.q05, 0.05), (found.total.q95, 0.95)):
        n = int(quantile[0])
        assert pmf[:n].sum() < level + 2e-3
        assert pmf[: n + 1].sum() > level - 2e-3


def test_without_a_search_the_posterior_is_the_prior_of_every_group() -> None:
    """Evidence of a Bosnian cell: P(at least one) 0.13, 0.10 and 0.002, of means that are not in proportion."""
    mean, some = np.array([[0.9, 0.25, 0.03, 0.004]]), np.array([[0.13, 0.10, 0.01, 0.002]])
    prior = PriorField.of(mean, shape_of(mean, -np.log1p(-some)))
    found = inferred(evidence([0.0], []), prior=prior)
    assert found.groups.p_at_least_one == pytest.approx(some, rel=1e-6)
    assert found.groups.expected_items == pytest.approx(mean, rel=1e-9)
    assert found.total.p_at_least_one[0] == pytest.approx(1 - np.prod(1 - some), rel=1e-6)
    assert found.total.expected_items[0] == pytest.approx(mean.sum(), rel=1e-9)
    assert found.prior_p[0, 1:] == pytest.approx(found.groups.p_at_least_one[0], rel=1e-9)
    assert found.searched_p == pytest.approx(found.prior_p, rel=1e-9)


@pytest.mark.parametrize("size", [1.0, 30.0, 3000.0])
def test_quantiles_of_the_total_are_those_of_a_sum_of_groups(size: float) -> None:
    """Few items are counted exactly; where there are thousands, the quantiles are right to one per cent."""
    shape = np.array([[0.5, 2.0, 1.0, 4.0]])
    mean = size * np.array([[1.0, 0.3, 0.1, 0.05]])
    found = inferred(evidence([0.0], []), prior=PriorField.of(mean, shape)).total
    number = np.arange(int(40 * size) + 50)
    groups = [nbinom.pmf(number, a, a / (a + m)) for a, m in zip(shape[0], mean[0], strict=True)]
    reached = np.cumsum(reduce(lambda one, other: fftconvolve(one, other)[: len(number)], groups))
    for quantile, level in ((found.q05, 0.05), (found.q95, 0.95)):
        truth = int(np.argmax(reached >= level))
        assert quantile[0] == pytest.approx(truth, abs=0 if truth < 500 else 0.01 * truth)


ONE_RATE = {
    "expected_items": [
        [0.4571871413566937, 0.18287485654267752, 0.1371561424070081, 0.09143742827133876, 0.04571871413566938],
        [3.4165637455916205, 2.1032069028985263, 0.15565592726020328, 1.1058156063461573, 0.05188530908673444],
        [2.8044363231618217, 0.5335962148740361, 1.8706429471322599, 0.26679810743701804, 0.13339905371850902],
        [4.561274707694186, 0.5306555680568923, 0.9743288134168383, 0.26532778402844603, 2.7909625421920117],
    ],
    "p_at_least_one": [
        [0.2989964162421157, 0.13303931414781234, 0.1016137016861336, 0.06899704811760143, 0.03514218634388189],
        [0.9252808246450012, 0.7571552370202576, 0.11220689216378954, 0.6402060378302006, 0.038934625565902214],
        [0.886827570731866, 0.3056541417825558, 0.7134298631897469, 0.16325457783229158, 0.08438053251680255],
        [1.0, 0.3006545046140441, 0.4267697188058893, 0.16050552687833086, 1.0],
    ],
    "p_unseen": [
        [0.2989964162421157, 0.13303931414781234, 0.1016137016861336, 0.06899704811760143, 0.03514218634388189],
        [0.6802090847333973, 0.4708513120663457, 0.11220689216378954, 0.2944184825915652, 0.038934625565902325],
        [0.5599961473687692, 0.1784081601695553, 0.366065717606176, 0.0933238470699298, 0.047739153387716726],
        [0.8121423518355861, 0.22332761760628184, 0.2777368980743582, 0.11822199748385054, 0.5826765166194374],
    ],
    "q05": [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [2, 0, 0, 0, 1]],
    "q95": [[2, 1, 1, 1, 0], [8, 6, 1, 3, 0], [6, 3, 5, 2, 1], [9, 3, 4, 2, 6]],
}
"""What the derivation for one rate of all groups of a cell, a mixture over the items of all, made of these."""


def test_groups_of_one_rate_are_what_they_were() -> None:
    sightings = [(1, 0, 3.0, False), (1, 0, 1.5, False), (1, 2, 4.0, False), (2, UNIDENTIFIED, 5.0, False)]
    sightings += [(2, UNIDENTIFIED, 1.0, False), (2, 1, 2.0, False)]
    sightings += [(3, 3, 1.0, True), (3, 1, 0.5, False), (3, UNIDENTIFIED, 2.0, True)]
    found = inferred(evidence([0.7, 0.6, 0.8, 0.5], sightings))
    for name, values in ONE_RATE.items():
        both = np.column_stack([getattr(found.total, name), getattr(found.groups, name)])
        assert both == pytest.approx(np.array(values, float), rel=1e-9)


LABELS = replace(BELIEF, alarms=(0.1, 0.2, 0.1, 0.1, 8.0), untold=0.7)
"""Of a model that calls most items, and nearly all false alarms, no class in particular."""


@pytest.mark.parametrize(
    ("marks", "ratio"),
    [((UNIDENTIFIED,), 3.0), ((0,), 3.0), ((0, UNIDENTIFIED, UNIDENTIFIED, 1), 1.5), ((UNIDENTIFIED,) * 12, 1.0)],
    ids=["of no group", "of a group", "both", "a dozen of no group"],
)
def test_what_a_label_says_equals_brute_force(marks: tuple[int, ...], ratio: float) -> None:
    sightings = [(0, mark, ratio, False) for mark in marks]
    found = inferred(evidence([0.9], sightings), belief=LABELS)
    drawn = Drawn(0.9, sightings, belief=LABELS)
    assert drawn.effective > 10_000
    drawn.check(found.total, drawn.items.sum(axis=1), drawn.unseen.sum(axis=1), None)
    for g in range(GROUPS):
        drawn.check(found.groups, drawn.items[:, g], drawn.unseen[:, g], g)


def test_a_label_that_false_alarms_share_is_the_weaker_evidence() -> None:
    p = [inferred(evidence([1.0], [(0, m, 1.0, False)]), belief=LABELS).total.p_at_least_one[0] for m in (0, 4)]
    assert p[0] > p[1] + 0.1


def test_a_cards_counts_by_class_divide_its_false_alarms() -> None:
    card = Performance(0.1, (0.05, 0.2), 14.0, (10.0, 28.0), 0.2, 0.02, items=98, found=12, false_alarms=46)
    card = replace(card, searched_ha=3.25, found_by_class={"anomaly": 10, "ap_mine": 2})
    counted = replace(card, false_alarms_by_class={"anomaly": 40, "projectile": 3, "other_uxo": 2, "ap_mine": 1})
    belief, plain = Belief.from_performance(counted), Belief.from_performance(card)
    total = sum(plain.alarms) + plain.undivided
    assert sum(belief.alarms) == pytest.approx(total)
    worth = total / 46.5  # sites differ: their interval is wider than Poisson's
    assert worth < 0.5
    counts = np.array([1, 0, 0, 5, 40]) * worth + 0.5
    assert belief.alarms == pytest.approx(total * counts / counts.sum())
    assert belief.untold == pytest.approx((10 * worth + 0.5) / (12 * worth + 1))
    assert (belief.undivided, belief.area_ha) == (0, plain.area_ha)
    assert plain.undivided > 0
    with pytest.raises(ValueError, match="adds up"):
        replace(card, false_alarms_by_class={"anomaly": 45})


def test_a_classs_own_curve_and_a_shared_one_say_the_same_of_the_score() -> None:
    """Score and class are independent here, so nothing is left over when what the class says was taken out."""
    found, alarms = {"ap_mine": 30, "anomaly": 60}, {"ap_mine": 300, "anomaly": 40}
    shared = Performance(
        0.5, (0.4, 0.6), 3.4, (3.0, 3.8), 90 / 430, 0.02, items=180, found=90, false_alarms=340, searched_ha=100.0
    )
    shared = replace(shared, found_by_class=found, false_alarms_by_class=alarms)
    ratio, classes, index = np.array([0.2, 1.0, 7.0, 0.2, 1.0, 7.0]), ("ap_mine", "anomaly"), np.repeat([0, 1], 3)
    true, false = (np.array([by[c] for c in classes])[index] for by in (found, alarms))
    says = {
        name: log_label_ratio(p, class_index=index, classes=classes, performance=card)
        for name, p, card in (
            ("shared", 90 * ratio / (90 * ratio + 340), shared),
            ("own", true * ratio / (true * ratio + false), replace(shared, own_curves=classes)),
        )
    }
    assert says["shared"] == pytest.approx(np.log(ratio))
    assert says["own"] == pytest.approx(np.log(ratio), abs=0.02)
    uncounted = replace(shared, found_by_class=None, false_alarms_by_class=None, own_curves=classes)
    p = np.full(6, 0.5)
    joint = log_label_ratio(p, class_index=index, classes=classes, performance=uncounted)
    assert joint == pytest.approx(np.log(340 / 90))


def many(cells: int, *, seed: int = 3, most: int = 6) -> CellEvidence:
    """Return random searches with up to `most` sightings a cell, of every mark, some confirmed."""
    rng = np.random.default_rng(seed)
    cell = np.repeat(np.arange(cells), rng.integers(0, most + 1, cells))
    return CellEvidence(
        rng.choice([0.0, 0.3, 1.0, 0.77], cells),
        log_ratio=rng.normal(0, 2, len(cell)),
        cell=rng.permutation(cell),
        mark=rng.integers(0, GROUPS + 1, len(cell)),
        confirmed=rng.random(len(cell)) < 0.1,
    )


def test_groups_add_up_to_the_total() -> None:
    found = inferred(many(300, most=25))
    assert found.groups.expected_items.sum(axis=1) == pytest.approx(found.total.expected_items, rel=1e-9)
    some = found.groups.p_at_least_one.max(axis=1)
    assert (found.total.p_at_least_one >= some - 1e-12).all()
    assert (found.total.p_at_least_one <= found.groups.p_at_least_one.sum(axis=1) + 1e-12).all()
    for steps, p in ((found.prior_expected, found.prior_p), (found.searched_expected, found.searched_p)):
        assert steps[:, 1:].sum(axis=1) == pytest.approx(steps[:, 0])
        assert (p[:, 0] >= p[:, 1:].max(axis=1)).all()


def test_known_recall_and_false_alarms_give_the_closed_form() -> None:
    """One group holds nearly every item and sighting; counts are so large that nothing is left to integrate."""
    prior = Prior(mean_items_per_ha=2.0, shape=0.7, shares=(1 - 3e-9, 1e-9, 1e-9, 1e-9))
    seen = many(60, most=7)
    seen = replace(seen, mark=np.zeros(len(seen.mark), np.intp), confirmed=np.zeros(len(seen.mark), bool))
    area, recall, alarms = 1e9, 0.6, 2.0
    belief = Belief(recall * 1e9, (1 - recall) * 1e9, (0.8 * alarms * area, 1.0, 1.0, 1.0, 0.2 * alarms * area), area)
    known = items_per_cell(
        recall * seen.searched_ha, log_ratio=seen.log_ratio + np.log(recall / alarms), cell=seen.cell, prior=prior
    )
    found = inferred(seen, prior=prior, belief=belief).total
    for name in Posterior.__slots__:
        assert getattr(found, name) == pytest.approx(getattr(known, name), rel=1e-5, abs=1e-6)


def test_what_was_not_searched_keeps_the_prior() -> None:
    found = inferred(evidence([0.0, 1.0], []))
    whole = nbinom(PRIOR.shape, PRIOR.rate_ha / (PRIOR.rate_ha + 1))
    assert found.total.p_at_least_one[0] == pytest.approx(1 - whole.pmf(0))
    assert found.total.expected_items[0] == pytest.approx(1.5)
    assert (found.total.q05[0], found.total.q95[0]) == (whole.ppf(0.05), whole.ppf(0.95))
    assert found.groups.expected_items[0] == pytest.approx(1.5 * np.array(PRIOR.shares))
    assert found.searched_expected[0] == pytest.approx(found.prior_expected[0])
    assert found.searched_p[0] == pytest.approx(found.prior_p[0])
    assert (found.searched_expected[1] < 0.5 * found.prior_expected[1]).all()


def test_doubt_about_recall_keeps_more_risk_than_its_mean() -> None:
    """E[1 / (b + R)] > 1 / (b + E[R]): plugging the mean in is too hopeful after a search without a sighting."""
    vague, sure = replace(BELIEF, found=0.85, missed=0.45), replace(BELIEF, found=8500, missed=4500)
    risks = [inferred(evidence([1.0], []), belief=b).total.p_unseen[0] for b in (vague, BELIEF, sure)]
    assert risks[0] > risks[1] > risks[2]


def test_rejections_on_the_site_lower_the_worth_of_the_next_sighting() -> None:
    seen = evidence([1.0], [(0, 0, 2.0, False)])
    before = inferred(seen).total.p_at_least_one[0]
    after = inferred(seen, belief=BELIEF.reviewed(rejected=(20, 0, 0, 0, 0), searched_ha=1.0)).total.p_at_least_one[0]
    clean = inferred(seen, belief=BELIEF.reviewed(searched_ha=20.0)).total.p_at_least_one[0]
    assert after < before < clean


def test_several_looks_and_hidden_ground_change_what_was_searched() -> None:
    plain = inferred(evidence([0.8], [])).total.p_unseen[0]
    twice = inferred(evidence([0.8], [], looks=np.array([1.6]))).total.p_unseen[0]
    hidden = inferred(evidence([0.8], [], visible=np.array([0.0]))).total
    assert twice < plain
    assert hidden.p_unseen[0] == pytest.approx(inferred(evidence([0.0], [])).total.p_unseen[0])


def test_cells_do_not_influence_each_other_nor_do_threads() -> None:
    seen = many(40)
    together, threaded = inferred(seen), inferred(seen, threads=3)
    for n in range(40):
        own = seen.cell == n
        alone = inferred(
            CellEvidence(
                seen.searched_ha[[n]],
                log_ratio=seen.log_ratio[own],
                cell=np.zeros(own.sum(), np.intp),
                mark=seen.mark[own],
                confirmed=seen.confirmed[own],
            )
        )
        for name in Posterior.__slots__:
            assert getattr(alone.total, name)[0] == pytest.approx(getattr(together.total, name)[n], abs=1e-7)
            assert getattr(alone.groups, name)[0] == pytest.approx(getattr(together.groups, name)[n], abs=1e-7)
    for name in Posterior.__slots__:
        assert np.array_equal(getattr(together.groups, name), getattr(threaded.groups, name))


def test_hundreds_of_sightings_in_a_cell_stay_finite() -> None:
    rng = np.random.default_rng(5)
    marks = rng.integers(0, GROUPS + 1, 400)
    found = inferred(evidence([0.9], [(0, int(m), float(np.exp(rng.normal(0, 3))), bool(m == 2)) for m in marks]))
    assert np.isfinite(found.groups.expected_items).all()
    assert found.groups.expected_items.sum() == pytest.approx(found.total.expected_items[0], rel=1e-9)
    confirmed = np.count_nonzero(marks == 2)
    assert found.groups.q05[0, 2] >= confirmed
    assert found.total.q05[0] <= found.total.expected_items[0] <= found.total.q95[0]


@pytest.mark.parametrize(("found", "missed"), [(1.5, 97.5), (0.5, 0.5), (0.01, 0.99), (5000.5, 900.5), (96.5, 2.5)])
def test_recall_nodes_reproduce_the_moments_of_the_beta(found: float, missed: float) -> None:
    recall, weight = replace(BELIEF, found=found, missed=missed).nodes(12)
    moment = 1.0
    for k in range(1, 20):
        moment *= (found + k - 1) / (found + missed + k - 1)
        assert weight @ recall**k == pytest.approx(moment, rel=1e-6)


def test_a_cards_counts_and_its_wider_interval_both_enter() -> None:
    counted = Performance(
        0.6, (0.5, 0.7), 10.0, (7.0, 14.0), 0.5, 0.02, items=98, found=59, false_alarms=29, searched_ha=2.9
    )
    belief = Belief.from_performance(counted, shares=PRIOR.shares)
    assert (belief.found, belief.missed) == (59.5, 39.5)
    assert belief.false_alarms_per_ha == pytest.approx(29.5 / 2.9)
    sites_differ = Belief.from_performance(replace(counted, false_alarms_interval=(2.0, 40.0)), shares=PRIOR.shares)
    assert sum(sites_differ.alarms) < 4 < sum(belief.alarms)
    assert sites_differ.false_alarms_per_ha == pytest.approx(belief.false_alarms_per_ha)
    unmeasured = Belief.from_performance(Performance(0.01, (0, 1), 1000, (0, 1e6), 0.5, 0.02), shares=PRIOR.shares)
    assert unmeasured.recall == pytest.approx(0.01)
    assert unmeasured.found + unmeasured.missed == pytest.approx(1)


def integrated(shape: float, rate: float, searched: float, recall: tuple[float, float], confirmed: int) -> list[float]:
    """Return expected items and P(unseen) by adaptive quadrature over the logarithm of recall."""

    def of(value: Callable[[float], float]) -> float:
        def density(log_r: float) -> float:
            r = np.exp(log_r)
            power = (searched * r) ** confirmed * (rate + searched * r) ** -(shape + confirmed)
            return float(r ** recall[0] * (1 - r) ** (recall[1] - 1) * power * value(r))

        edges = [-60, -30, -20, *range(-16, 0, 2), -1e-14]
        return float(sum(quad(density, a, b, epsrel=1e-10, limit=200)[0] for a, b in pairwise(edges)))

    whole = of(lambda _: 1.0)
    unseen = of(lambda r: (1 - searched * r) / (rate + searched * r)) * (shape + confirmed)
    nothing = of(lambda r: ((rate + searched * r) / (rate + 1)) ** (shape + confirmed))
    return [confirmed + unseen / whole, 1 - nothing / whole]


@pytest.mark.parametrize("recall", [(12.5, 86.5), (0.5, 20.5), (1.5, 8.5)])
@pytest.mark.parametrize(("shape", "rate"), [(0.5, 1.0), (0.01, 0.01), (1e-3, 5e-4), (1e-5, 1e-5), (0.02, 30.0)])
def test_priors_that_are_mostly_nothing_are_integrated_right(
    shape: float, rate: float, recall: tuple[float, float]
) -> None:
    """Evidence gives shapes far below 0.001, and a model of which little was measured may have next to no recall."""
    belief = replace(BELIEF, found=recall[0], missed=recall[1])
    cases = [(searched, confirmed) for searched in (1.0, 0.01) for confirmed in (0, 1, 12)]
    seen = evidence([s for s, _ in cases], [(n, 0, 1.0, True) for n, (_, k) in enumerate(cases) for _ in range(k)])
    one = np.array([[1 - 3e-12, 1e-12, 1e-12, 1e-12]]) * shape
    found = infer(seen, prior=PriorField(np.repeat(one, 6, axis=0), np.full((6, GROUPS), rate)), belief=belief).total
    for n, (searched, confirmed) in enumerate(cases):
        expected = integrated(shape, rate, searched, recall, confirmed)
        assert [found.expected_items[n], found.p_unseen[n]] == pytest.approx(expected, rel=1e-3)


def test_false_alarms_that_nobody_divided_let_no_class_speak() -> None:
    """One sighting is an item as likely whatever its class says, in cells of whatever shares."""
    belief = replace(BELIEF, alarms=(0.0, 0.0, 0.0, 0.0, 0.5), undivided=2.0)
    shape = np.array([[0.4, 0.3, 0.2, 0.1]] * GROUPS + [[0.9, 0.09, 0.0099, 0.0001]] * GROUPS)
    seen = evidence([0.8] * 2 * GROUPS, [(n, n % GROUPS, 3.0, False) for n in range(2 * GROUPS)])
    p = infer(seen, prior=PriorField(shape, np.full_like(shape, 1.2)), belief=belief).total.p_at_least_one
    assert p == pytest.approx(p[0], rel=1e-9)
    assert belief.alarms_in(shape).sum(axis=1) == pytest.approx(2.5)


def test_many_sightings_of_no_group_are_shared_out_by_the_prior_of_their_own_cell() -> None:
    sightings = [(cell, UNIDENTIFIED, 50.0, False) for cell in (0, 1) for _ in range(40)]
    shape = np.array([[0.9, 0.04, 0.03, 0.03], [0.03, 0.03, 0.04, 0.9]])
    groups = infer(evidence([1.0, 1.0], sightings), prior=PriorField(shape, np.ones_like(shape)), belief=BELIEF).groups
    assert groups.expected_items[0, 0] > 25
    assert groups.expected_items[1, 3] > 25
    assert groups.expected_items[0, 3] < 5


def test_classes_lead_to_groups() -> None:
    names = ("ap_mine", "at_mine", "submunition", "projectile", "other_uxo", "anomaly", "a class of tomorrow")
    marks = marks_of(names, np.arange(7, dtype=np.int16))
    assert marks.tolist() == [0, 1, 2, 3, 3, UNIDENTIFIED, UNIDENTIFIED]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"searched_ha": np.array([1.1])}, "searched area"),
        ({"cell": np.array([1])}, "cells of detections"),
        ({"mark": np.array([GROUPS + 1])}, "marks of detections"),
        ({"mark": np.array([0, 1])}, "2 marks"),
        ({"visible": np.array([1.5])}, "visible has one value"),
        ({"looks": np.array([np.nan])}, "looks has one value"),
    ],
)
def test_impossible_evidence_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(evidence([1.0], [(0, 0, 1.0, False)]), **change)
