"""What reviewers decided, where a run was reviewed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


REVIEW = "review.sqlite"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One decision."""

    words: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All decisions of a review, oldest first."""

    sha256: str
    by_detection: dict[str, tuple[Verdict, ...]]

    def of(self, sightings: Any) -> Iterator[Verdict]:
        """Yield the decisions on some rows of the layer detections."""
        for name in sightings["detection_id"]:
            yield from self.by_detection.get(str(name), ())


def read_verdicts(folder: Path) -> Verdicts | None:
    """Return the review of a run; None where there is none."""
    if not (folder / REVIEW).is_file():
        return None
    raise NotImplementedError
