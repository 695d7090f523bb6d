"""What stands after all decisions: of each thing, the opinions that count and what they come to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from survey.review.decision import Decision, Kind, Status

YES = frozenset({Status.CONFIRMED, Status.RELABELLED, Status.MISSED_ITEM})
"""An item, of whatever class."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A thing and what was decided on it."""

    subject: str
    kind: Kind
    opinions: tuple[Decision, ...]
    """Those that count, in the order of their times; at most one of each reviewer."""
    verdict: int
    """1 an item, -1 none, 0 not known: unsure, or disputed. Of a tile 1: it was looked at as a whole."""
    disputed: bool
    """One reviewer says yes, another no, and nobody who saw both has settled it."""

    @property
    def last(self) -> Decision:
        """The opinion to take class, place and size from: the latest that says what the verdict says."""
        if self.verdict:
            return [d for d in self.opinions if _sign(d.opinion.status) == self.verdict][-1]
        return self.opinions[-1]


def standing(decisions: Iterable[Decision]) -> dict[str, Standing]:
    """Return the things on which a decision stands, by their subject.

    An open decision (round 0) was made in sight of all before it, so it takes their place. Blind decisions later than
    that stand beside it, the latest of each reviewer. Being unsure speaks for neither side: whoever is sure decides,
    and those who are sure of opposite things leave the thing disputed until somebody decides it openly.

    Args:
        decisions: In the order of their times, as `ReviewStore.decisions` gives them.
    """
    by_subject: dict[str, list[Decision]] = {}
    for decision in not_taken_back(decisions):
        by_subject.setdefault(decision.opinion.subject, []).append(decision)
    return {subject: _combine(subject, told) for subject, told in by_subject.items()}


def not_taken_back(decisions: Iterable[Decision]) -> list[Decision]:
    """Return the decisions that nobody took back, without the rows that took others back."""
    told = list(decisions)
    gone = {d.previous for d in told if d.opinion.status is Status.TAKEN_BACK}
    return [d for d in told if d.uid not in gone and d.opinion.status is not Status.TAKEN_BACK]


def _combine(subject: str, told: Sequence[Decision]) -> Standing:
    is_open = [n for n, d in enumerate(told) if d.opinion.blind_round == 0]
    counted = told[is_open[-1] :] if is_open else told
    latest = {d.opinion.reviewer: d for d in counted}
    opinions = tuple(sorted(latest.values(), key=lambda d: (d.decided_at, d.uid)))
    signs = {_sign(d.opinion.status) for d in opinions} - {0}
    verdict = signs.pop() if len(signs) == 1 else 0
    return Standing(subject, opinions[-1].opinion.kind, opinions, verdict, disputed=len(signs) > 1)


def _sign(status: Status) -> int:
    if status is Status.REJECTED:
        return -1
    return int(status in YES or status is Status.TILE_REVIEWED)
