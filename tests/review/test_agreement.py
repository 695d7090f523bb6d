from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from survey.review import Agreement, Kind, ReviewStore, Status, agreement
from survey.review.agreement import cohen_kappa
from tests.review.opinions import opinion

YES, NO, UNSURE = Status.CONFIRMED, Status.REJECTED, Status.UNSURE


def agreed(tmp_path: Path, told: Sequence[tuple[str, str, Status, int]]) -> Agreement:
    with ReviewStore(tmp_path) as store:
        for subject, reviewer, status, blind_round in told:
            store.add(opinion(subject, status, reviewer=reviewer, blind_round=blind_round))
        return agreement(store.decisions())


def test_kappa_of_a_published_table() -> None:
    # Cohen (1960), table 1: 200 subjects, kappa 0.492
    table = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]], np.float64)
    assert cohen_kappa(table[None])[0] == pytest.approx(0.492, abs=5e-4)


def test_only_independent_verdicts_are_paired(tmp_path: Path) -> None:
    found = agreed(
        tmp_path,
        [
            ("d1", "A", YES, 0),
            ("d1", "B", NO, 1),
            ("d2", "A", NO, 0),
            ("d2", "B", YES, 0),  # saw A's verdict
            ("d2", "B", NO, 1),  # had seen it
            ("d3", "A", YES, 1),
            ("d3", "A", NO, 2),  # one's own verdict is no second opinion
            ("d4", "A", Status.RELABELLED, 0),
            ("d4", "B", YES, 1),
            ("d5", "A", UNSURE, 1),
            ("d5", "B", NO, 1),
            ("d5", "C", YES, 1),  # the third
        ],
    )
    assert found.table.tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 0]]
    assert (found.pairs, found.agreed, found.same_class) == (3, 1, 1)


def test_drawn_items_and_tiles_are_no_pairs(tmp_path: Path) -> None:
    with ReviewStore(tmp_path) as store:
        store.add(opinion("m", Status.MISSED_ITEM, kind=Kind.MISSED))
        store.add(opinion("m", Status.REJECTED, kind=Kind.MISSED, reviewer="B", blind_round=1))
        found = agreement(store.decisions())
    assert (found.pairs, found.kappa, found.low, found.high) == (0, None, -1.0, 1.0)


def test_a_few_that_all_agree_are_not_taken_for_certainty(tmp_path: Path) -> None:
    told = [(f"d{n}", who, YES if n % 2 else NO, 1) for n in range(8) for who in "AB"]
    found = agreed(tmp_path, told)
    assert found.kappa == 1
    assert 0.3 < found.low < 0.95
    assert found.high <= 1


def test_nothing_beyond_chance_can_be_said_where_all_say_the_same(tmp_path: Path) -> None:
    found = agreed(tmp_path, [(f"d{n}", who, NO, 1) for n in range(5) for who in "AB"])
    assert found.kappa is None
    assert found.agreed == found.pairs == 5
    assert found.low < 0.5


def test_the_interval_covers() -> None:
    from survey.review.agreement import _agreement

    rng = np.random.default_rng(5)
    truth = np.array([[0.35, 0.06, 0.02], [0.05, 0.40, 0.02], [0.02, 0.03, 0.05]])
    kappa = cohen_kappa(truth[None])[0]
    inside = 0
    for _ in range(150):
        found = _agreement(rng.multinomial(60, truth.ravel()).reshape(3, 3).astype(np.intp), same_class=0)
        inside += found.low <= kappa <= found.high
    assert inside >= 135  # 95 % of 150 is 142; fewer than 135 has a chance of 0.5 %
