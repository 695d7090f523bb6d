"""The closed form against quadrature, against simulation, and against worked numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom

from survey.risk import Posterior, Prior, items_per_cell, log_evidence
from survey.values import Performance

PERFORMANCE = Performance(
    recall=0.8,
    recall_interval=(0.7, 0.9),
    false_alarms_per_ha=2.0,
    false_alarms_interval=(1.0, 3.0),
    prevalence=0.3,
    max_gsd_m=0.02,
)
FIELD = Prior(mean_items_per_ha=0.5, shape=0.5)  # a = .5, b = 1
NONE = (np.empty(0), np.empty(0, np.intp))


def one_cell(effective: float, ratios: list[float], *, prior: Prior = FIELD, confirmed: int = 0) -> Posterior:
    return items_per_cell(
        np.array([effective]),
        log_ratio=np.log(np.array(ratios, float)),
        cell=np.zeros(len(ratios), np.intp),
        prior=prior,
        confirmed=np.array([confirmed], np.intp),
    )


def by_quadrature(effective: float, ratios: list[float], prior: Prior) -> tuple[float, float, float]:
    """Return (E[N], P(N >= 1), P(unseen >= 1)) by brute force over the density, from the likelihood itself.

    Given lam, detection k is an item with probability lam r / (1 + lam r).
    """
    lam = np.exp(np.linspace(np.log(1e-30), np.log(5e3), 40_001))
    log_density = prior.shape * np.log(lam) - (prior.rate_ha + effective) * lam  # with d lam = lam d log lam
    is_item = [lam * r / (1 + lam * r) for r in ratios]
    log_density += sum((np.log1p(lam * r) for r in ratios), np.zeros_like(lam))
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    none_unseen = np.exp(-lam * (1 - effective))
    none_detected = np.prod([1 - share for share in is_item], axis=0) if ratios else np.ones_like(lam)
    expected = weight @ (sum(is_item, np.zeros_like(lam)) + lam * (1 - effective))
    return expected, 1 - weight @ (none_unseen * none_detected), 1 - weight @ none_unseen


@pytest.mark.parametrize(("effective", "risk"), [(0.0, 0.293), (0.3, 0.194), (0.6, 0.106), (0.9, 0.025)])
def test_nothing_found_lowers_risk_only_as_far_as_was_searched(effective: float, risk: float) -> None:
    found = one_cell(effective, [])
    assert found.p_unseen[0] == pytest.approx(risk, abs=5e-4)
    assert found.p_at_least_one[0] == pytest.approx(risk, abs=5e-4)


@pytest.mark.parametrize(("effective", "risk"), [(0.9, 0.120), (0.3, 0.659)])
def test_confirmed_items_raise_the_risk_of_more(effective: float, risk: float) -> None:
    found = one_cell(effective, [], confirmed=2)
    assert found.p_unseen[0] == pytest.approx(risk, abs=5e-4)
    assert found.p_at_least_one[0] == 1
    assert found.q05[0] >= 2


def test_overwhelming_evidence_equals_confirmation() -> None:
    certain, confirmed = one_cell(0.6, [1e12, 1e12]), one_cell(0.6, [], confirmed=2)
    for name in Posterior.__slots__:
        assert getattr(certain, name)[0] == pytest.approx(getattr(confirmed, name)[0], abs=1e-9)


def test_unsearched_cells_keep_the_prior() -> None:
    prior = Prior(mean_items_per_ha=3.0, shape=0.7)
    found = items_per_cell(np.zeros(3), log_ratio=NONE[0], cell=NONE[1], prior=prior)
    oracle = nbinom(prior.shape, prior.rate_ha / (prior.rate_ha + 1))
    assert found.expected_items == pytest.approx([3.0] * 3)
    assert found.p_at_least_one == pytest.approx([1 - oracle.pmf(0)] * 3)
    assert found.p_unseen == pytest.approx(found.p_at_least_one)
    assert (found.q05[0], found.q95[0]) == (oracle.ppf(0.05), oracle.ppf(0.95))


@given(
    effective=st.floats(0, 1),
    ratios=st.lists(st.floats(1e-4, 1e4), max_size=7),
    mean=st.floats(0.05, 20),
    shape=st.floats(0.2, 5),
)
def test_closed_form_equals_quadrature(effective: float, ratios: list[float], mean: float, shape: float) -> None:
    prior = Prior(mean_items_per_ha=mean, shape=shape)
    found = one_cell(effective, ratios, prior=prior)
    expected, any_item, unseen = by_quadrature(effective, ratios, prior)
    assert found.expected_items[0] == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert found.p_at_least_one[0] == pytest.approx(any_item, abs=1e-4)
    assert found.p_unseen[0] == pytest.approx(unseen, abs=1e-4)


def test_hundreds_of_detections_stay_exact() -> None:
    rng = np.random.default_rng(1)
    ratios = np.exp(rng.normal(0, 4, 600)).tolist()
    prior = Prior(mean_items_per_ha=5, shape=0.5)
    found = one_cell(0.7, ratios, prior=prior)
    expected, any_item, unseen = by_quadrature(0.7, ratios, prior)
    assert found.expected_items[0] == pytest.approx(expected, rel=1e-5)
    assert found.p_at_least_one[0] == pytest.approx(any_item)
    assert found.p_unseen[0] == pytest.approx(unseen)
    assert found.q05[0] < expected < found.q95[0]


def test_quantiles_are_the_smallest_counts_that_reach_their_level() -> None:
    ratios, prior, effective, confirmed = [0.5, 3.0, 20.0], Prior(mean_items_per_ha=2, shape=0.6), 0.4, 1
    found = one_cell(effective, ratios, prior=prior, confirmed=confirmed)
    size = prior.shape + confirmed + np.arange(4)
    rate = prior.rate_ha + effective
    symmetric = np.array([1, 23.5, 0.5 * 3 + 0.5 * 20 + 60, 30.0])
    weight = symmetric * np.cumprod([1, *size[:-1]]) / rate ** np.arange(4)
    n = np.arange(200)
    pmf = sum(
        w * nbinom.pmf(n - confirmed - m, s, rate / (prior.rate_ha + 1))
        for m, (w, s) in enumerate(zip(weight / weight.sum(), size, strict=True))
    )
    cdf = np.cumsum(pmf)
    assert cdf[-1] == pytest.approx(1)
    assert found.q05[0] == np.argmax(cdf >= 0.05)
    assert found.q95[0] == np.argmax(cdf >= 0.95)
    assert found.expected_items[0] == pytest.approx(n @ pmf)


def test_simulated_hectares_are_covered_as_promised() -> None:
    """Draw densities from the prior, thin, add clutter, score: what is claimed must hold on average."""
    rng = np.random.default_rng(7)
    cells, prior = 20_000, Prior(mean_items_per_ha=2.0, shape=0.5)
    effective = PERFORMANCE.recall * rng.choice([0.0, 0.4, 1.0], cells)
    lam = rng.gamma(prior.shape, 1 / prior.rate_ha, cells)
    seen, unseen = rng.poisson(lam * effective), rng.poisson(lam * (1 - effective))
    false = rng.poisson(PERFORMANCE.false_alarms_per_ha * effective / PERFORMANCE.recall)
    cell = np.concatenate([np.repeat(np.arange(cells), seen), np.repeat(np.arange(cells), false)])
    score = np.concatenate([rng.normal(1.5, 1, seen.sum()), rng.normal(0, 1, false.sum())])
    # N(1.5, 1) against N(0, 1): log f1/f0 = 1.5 s - 1.125; calibrated at the card's prevalence.
    odds = np.exp(1.5 * score - 1.125) * PERFORMANCE.prevalence / (1 - PERFORMANCE.prevalence)
    evidence = log_evidence(odds / (1 + odds), performance=PERFORMANCE)
    found = items_per_cell(effective, log_ratio=evidence, cell=cell, prior=prior)
    total = seen + unseen
    assert found.expected_items.mean() == pytest.approx(total.mean(), rel=0.02)
    for claimed, happened in ((found.p_at_least_one, total > 0), (found.p_unseen, unseen > 0)):
        for low, high in ((0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 0.9), (0.9, 1.0)):
            chosen = (claimed >= low) & (claimed <= high)
            error = np.sqrt(0.25 / max(chosen.sum(), 1))
            if chosen.any():
                assert claimed[chosen].mean() == pytest.approx(happened[chosen].mean(), abs=4 * error)
    assert (total <= found.q95).mean() > 0.94
    assert (total >= found.q05).mean() > 0.94


def test_cells_do_not_influence_each_other() -> None:
    rng = np.random.default_rng(3)
    effective, cell = rng.uniform(0, 1, 50), rng.integers(0, 50, 120)
    ratio = rng.normal(0, 2, 120)
    together = items_per_cell(effective, log_ratio=ratio, cell=cell, prior=FIELD)
    for n in range(50):
        alone = one_cell(effective[n], np.exp(ratio[cell == n]).tolist())
        for name in Posterior.__slots__:
            assert getattr(alone, name)[0] == pytest.approx(getattr(together, name)[n], abs=1e-12)


def test_evidence_is_neutral_at_the_calibration_prevalence() -> None:
    evidence = log_evidence(np.array([0.3, 0.0, 1.0], np.float32), performance=PERFORMANCE)
    assert evidence[0] == pytest.approx(np.log(0.8 / 2.0), abs=1e-6)
    assert np.isfinite(evidence).all()


@pytest.mark.parametrize("effective", [-0.1, 1.1, np.nan])
def test_impossible_search_is_refused(effective: float) -> None:
    with pytest.raises(ValueError, match=r"0\.\.1\.0 ha"):
        one_cell(effective, [])


def test_a_detection_in_no_cell_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.\.2"):
        items_per_cell(np.zeros(3), log_ratio=np.zeros(1), cell=np.array([3]), prior=FIELD)


@pytest.mark.parametrize(("mean", "shape"), [(0, 1), (1, -1), (np.inf, 1)])
def test_a_prior_is_positive(mean: float, shape: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        Prior(mean_items_per_ha=mean, shape=shape)
