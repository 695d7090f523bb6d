"""What an audit says: findings, and how much each check looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

Place = tuple[float, float, float, float]
"""Top, left, bottom and right in the file's pixels."""


class Severity(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"
    """A fault whatever the reason: it leaks, or no label can be meant so."""
    WARNING = "warning"
    """A suspicion that a person has to judge."""
    INFO = "info"
    """Good to know."""


class Check(StrEnum):
    """What is looked for, in the order of the report."""

    UNREAD = "unread"
    DUPLICATES = "duplicates"
    BOXES = "boxes"
    SIZES = "sizes"
    CLASSES_BY_SIZE = "classes-by-size"
    CLASSES_BY_MODEL = "classes-by-model"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a file; the whole file where `place` is None."""

    file: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a person should look at."""

    check: Check
    severity: Severity
    site: str
    spot: Spot
    words: str
    numbers: Mapping[str, float | str] = field(default_factory=lambda: MappingProxyType({}))
    beside: Spot | None = None
    """What it is compared with: the other picture of a pair, the other box."""

    def as_json(self) -> dict[str, Any]:
        """Return what `audit.json` has of it."""
        return {
            "check": str(self.check),
            "severity": str(self.severity),
            "site": self.site,
            **_spot_json(self.spot),
            "words": self.words,
            "numbers": dict(self.numbers),
            "beside": None if self.beside is None else _spot_json(self.beside),
        }


def _spot_json(spot: Spot) -> dict[str, Any]:
    names = ("top", "left", "bottom", "right")
    place = None if spot.place is None else {n: round(v, 2) for n, v in zip(names, spot.place, strict=True)}
    return {"file": spot.file, "place_px": place}


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much a check looked at, and what it left out and why."""

    check: Check
    looked_at: int
    unit: str
    """What was counted: labels or pictures."""
    left_out: tuple[str, ...] = ()

    @property
    def amount(self) -> str:
        """How much was looked at, in words."""
        return f"{self.looked_at} {self.unit if self.looked_at != 1 else self.unit.removesuffix('s')}"

    @property
    def status(self) -> str:
        """'done', 'partly done', or 'not done', which says nothing of the labels."""
        if not self.looked_at:
            return "not done"
        return "partly done" if self.left_out else "done"

    def as_json(self) -> dict[str, Any]:
        """Return what `audit.json` has of it."""
        return {
            "status": self.status,
            "looked_at": self.looked_at,
            "unit": self.unit,
            "amount": self.amount,
            "left_out": list(self.left_out),
        }


def counted(findings: Sequence[Finding], check: Check) -> dict[str, int]:
    """Return how many findings a check has of each severity."""
    own = [finding.severity for finding in findings if finding.check is check]
    return {str(severity): own.count(severity) for severity in Severity}
