from collections.abc import Sequence
from pathlib import Path

import pytest

from survey.review import Decision, ReviewStore, Status, standing
from tests.review.opinions import opinion

YES, NO, UNSURE = Status.CONFIRMED, Status.REJECTED, Status.UNSURE


def decided(tmp_path: Path, told: Sequence[tuple[str, Status, int]]) -> tuple[Decision, ...]:
    """Decide on one sighting: reviewer, status and blind round one after the other."""
    with ReviewStore(tmp_path) as store:
        for reviewer, status, blind_round in told:
            store.add(opinion(status=status, reviewer=reviewer, blind_round=blind_round))
        return store.decisions()


@pytest.mark.parametrize(
    ("told", "verdict", "disputed"),
    [
        ([("A", YES, 0)], 1, False),
        ([("A", NO, 0)], -1, False),
        ([("A", UNSURE, 0)], 0, False),
        ([("A", Status.RELABELLED, 0)], 1, False),
        ([("A", YES, 0), ("A", NO, 0)], -1, False),
        ([("A", YES, 0), ("B", NO, 0)], -1, False),
        ([("A", YES, 0), ("B", YES, 1)], 1, False),
        ([("A", YES, 0), ("B", NO, 1)], 0, True),
        ([("A", YES, 0), ("B", UNSURE, 1)], 1, False),
        ([("A", YES, 0), ("B", NO, 1), ("C", NO, 0)], -1, False),
        ([("A", YES, 1), ("B", NO, 1)], 0, True),
        ([("A", YES, 1), ("A", NO, 1), ("B", NO, 2)], -1, False),
        ([("A", UNSURE, 0), ("B", NO, 1)], -1, False),
    ],
)
def test_opinions_combine(
    tmp_path: Path, told: Sequence[tuple[str, Status, int]], verdict: int, disputed: bool
) -> None:
    thing = standing(decided(tmp_path, told))["d1"]
    assert (thing.verdict, thing.disputed) == (verdict, disputed)
    if verdict:
        assert thing.last.opinion.status is not UNSURE, "class and place are those of whoever was sure"


def test_nothing_stands_of_what_was_taken_back(tmp_path: Path) -> None:
    with ReviewStore(tmp_path) as store:
        store.take_back(store.add(opinion()).uid, reviewer="Aygun")
        assert standing(store.decisions()) == {}
