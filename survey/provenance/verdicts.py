"""What reviewers decided, where a run was reviewed."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from survey.engine import canonical_json
from survey.review import FILE, Decision, Draw, Kind, ReviewStore, Standing, standing

_RANK = {0: 0, -1: 1, 1: 2}
"""Which verdict on a sighting counts for its item."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All decisions of a review, oldest first."""

    decisions: tuple[Decision, ...]
    standing: dict[str, Standing]
    """What stands after all of them, by what it is about."""
    draws: tuple[Draw, ...]
    """Tiles that were drawn by chance to be looked at."""

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of all decisions as JSON, one a line: the data base's own bytes change without a decision."""
        lines = [canonical_json(asdict(d)) for d in self.decisions]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def on(self, subjects: Iterable[str]) -> tuple[Decision, ...]:
        """Return every decision on some things, also those taken back or replaced."""
        wanted = set(subjects)
        return tuple(d for d in self.decisions if d.opinion.subject in wanted)

    def verdict(self, subjects: Iterable[str]) -> Standing | None:
        """Return what stands of an item, known by the ids of its sightings; None where nobody judged it.

        As in the risk, one confirmed sighting confirms the item, and it is rejected where one is and none is confirmed.
        """
        found = [self.standing[name] for name in subjects if name in self.standing]
        sightings = [one for one in found if one.kind is Kind.SIGHTING]
        return max(sightings, key=lambda one: (_RANK[one.verdict], one.last.decided_at)) if sightings else None


def read_verdicts(folder: Path) -> Verdicts | None:
    """Return the review of a run; None where there is none.

    Raises:
        InputError: The file is damaged or not of this program.
    """
    if not (folder / FILE).is_file():
        return None
    with ReviewStore(folder, read_only=True) as store:
        decisions, draws = store.decisions(), store.draws()
    return Verdicts(decisions, standing(decisions), draws)


def in_words(decision: Decision) -> str:
    """Return a decision as a sentence."""
    told = decision.opinion
    label = f" as {told.label}" if told.label else ""
    blind = f", blind round {told.blind_round}" if told.blind_round else ""
    note = f"; note: {told.note}" if told.note else ""
    return f"{told.status.replace('_', ' ')}{label} by {told.reviewer}, {decision.decided_at}{blind}{note}"


def as_facts(decision: Decision) -> dict[str, Any]:
    """Return a decision for JSON."""
    return asdict(decision)
