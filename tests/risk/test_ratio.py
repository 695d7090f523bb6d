"""Recall times the ratio of two shares, against simulation; it is only ever lowered."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.risk import Belief, Ratio, ratio_of
from survey.values import Performance

CARD = Performance(0.6, (0.5, 0.7), 13.0, (9.6, 32.0), 0.2, 0.02, items=98, found=59, false_alarms=43, searched_ha=3.0)
COUNTS = ((120, 30, 240, 120), (6, 3, 240, 120), (120, 110, 240, 60), (3, 0, 7, 7), (40, 0, 200, 3))


def implanted(laid: int, found: int, reference_laid: int, reference_found: int) -> Performance:
    return replace(
        CARD,
        implants_laid=laid,
        implants_found=found,
        implants_laid_reference=reference_laid,
        implants_found_reference=reference_found,
    )


@pytest.mark.parametrize("counts", COUNTS)
def test_moments_and_interval_are_those_of_draws(counts: tuple[int, int, int, int]) -> None:
    rng, (laid, found, reference, of_them) = np.random.default_rng(1), counts
    p = rng.beta(found + 0.5, laid - found + 0.5, 400_000)
    q = rng.beta(of_them + 0.5, reference - of_them + 0.5, len(p))
    drawn, ratio = np.minimum(1, p / q), Ratio(*counts)
    assert ratio.mean == pytest.approx(drawn.mean(), abs=0.003)
    assert ratio.moment(2) == pytest.approx(np.square(drawn).mean(), abs=0.003)
    assert ratio.interval == pytest.approx(np.quantile(drawn, (0.025, 0.975)), abs=0.006)
    assert ratio.below_one == pytest.approx((p < q).mean(), abs=0.003)
    recall = rng.beta(CARD.found + 0.5, CARD.items - CARD.found + 0.5, len(p)) * drawn
    belief = Belief.from_performance(implanted(*counts))
    size = belief.found + belief.missed
    assert belief.recall == pytest.approx(recall.mean(), abs=0.002)
    sd = np.sqrt(belief.found * belief.missed / size**2 / (size + 1))
    assert sd == pytest.approx(recall.std(), rel=0.02, abs=1e-4)


@given(st.data())
def test_recall_is_never_raised_and_always_a_belief(data: st.DataObject) -> None:
    laid, reference = (data.draw(st.integers(1, 10_000)) for _ in range(2))
    counts = (laid, data.draw(st.integers(0, laid)), reference, data.draw(st.integers(0, reference)))
    before, after = Belief.from_performance(CARD), Belief.from_performance(implanted(*counts))
    assert after.recall <= before.recall * (1 + 1e-12)
    assert after.found > 0
    assert after.missed > 0


def test_fewer_found_here_lower_recall_more_and_false_alarms_stay() -> None:
    recalls = [Belief.from_performance(implanted(120, found, 240, 120)).recall for found in (0, 20, 60, 120)]
    assert recalls == sorted(recalls)
    assert recalls[0] < 0.02
    plain, lowered = Belief.from_performance(CARD), Belief.from_performance(implanted(120, 20, 240, 120))
    assert (lowered.alarms, lowered.area_ha, lowered.untold) == (plain.alarms, plain.area_ha, plain.untold)


def test_without_counts_on_both_grounds_recall_is_the_cards() -> None:
    for counts in ((0, 0, 0, 0), (120, 3, 0, 0), (0, 0, 240, 120)):
        assert ratio_of(implanted(*counts)) is None
        assert Belief.from_performance(implanted(*counts)) == Belief.from_performance(CARD)
    with pytest.raises(ValueError, match="no more implants"):
        implanted(3, 4, 0, 0)
    with pytest.raises(ValueError, match="a share needs items"):
        Ratio(0, 0, 1, 1)
