"""One decision of a reviewer on one thing: a sighting, an item that the model missed, a piece of searched ground."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import shapely

from survey.errors import InputError

MOST_TEXT = {"subject": 200, "reviewer": 100, "label": 100, "note": 4000, "geometry": 100_000, "seen": 20_000}
"""Most characters of each free text."""


class Kind(StrEnum):
    """What a decision is about."""

    SIGHTING = "sighting"
    """An item among the run's detections, named by the id of its most probable sighting."""
    MISSED = "missed"
    """An item that the run did not find, drawn by a reviewer."""
    TILE = "tile"
    """A square of searched ground, looked at as a whole."""


class Status(StrEnum):
    """What a decision says."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    RELABELLED = "relabelled"
    """Ordnance, but of another class."""
    UNSURE = "unsure"
    MISSED_ITEM = "missed_item"
    TILE_REVIEWED = "tile_reviewed"
    """All of the tile was looked at, and what was seen in it besides the sightings was drawn. It releases no land."""
    TAKEN_BACK = "taken_back"
    """The decision named by `previous` does not stand any more."""


_FITTING = {
    Kind.SIGHTING: {Status.CONFIRMED, Status.REJECTED, Status.RELABELLED, Status.UNSURE, Status.TAKEN_BACK},
    Kind.MISSED: {Status.MISSED_ITEM, Status.UNSURE, Status.REJECTED, Status.TAKEN_BACK},
    Kind.TILE: {Status.TILE_REVIEWED, Status.UNSURE, Status.TAKEN_BACK},
}
"""A drawn item is rejected where a second opinion says that it is none."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thing lies."""

    crs: str
    """Of x, y and all geometry: the run's own CRS, metres."""
    x: float
    y: float
    position_error_m: float
    """One-sigma error of (x, y)."""

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.x, self.y, self.position_error_m))) or self.position_error_m < 0:
            msg = f"a place has finite coordinates and an error of 0 m or more, got {self}"
            raise InputError(msg)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a reviewer says, before it is stored.

    Raises:
        InputError: A part does not fit the others or is too long.
    """

    kind: Kind
    status: Status
    subject: str
    """Names the thing: a detection id, or a name of its own for a drawn item or a tile."""
    place: Place
    reviewer: str
    label: str | None = None
    """Class: the model's for a confirmed sighting, the reviewer's for a relabelled or drawn one."""
    size_m: float | None = None
    """Longest extent seen from above."""
    geometry: str | None = None
    """WKT in the place's CRS: what was drawn, or the tile."""
    note: str = ""
    seen: Mapping[str, object] = field(default_factory=dict)
    """What was looked at: `images` (ids), `scales_m` (metres across), `queue`."""
    model: str = ""
    run_id: str = ""
    blind_round: int = 0
    """0: earlier verdicts were shown. 1 and more: they were hidden."""

    def __post_init__(self) -> None:
        if self.status not in _FITTING[self.kind]:
            msg = f"a {self.kind} cannot be {self.status}; it is one of {', '.join(sorted(_FITTING[self.kind]))}"
            raise InputError(msg)
        if not self.subject or not self.reviewer.strip():
            msg = "a decision names what it is about and who decided: give the reviewer's name"
            raise InputError(msg)
        for name, most in MOST_TEXT.items():
            value = getattr(self, name)
            text = json.dumps(value) if name == "seen" else value or ""
            if len(text) > most or (name != "note" and any(ord(c) < 32 for c in text)):
                msg = f"{name} has {len(text)} characters, {most} are allowed, and no control characters"
                raise InputError(msg)
        if self.status in {Status.RELABELLED, Status.MISSED_ITEM} and not self.label:
            msg = f"{self.status} needs a class"
            raise InputError(msg)
        if self.size_m is not None and not 0 < self.size_m < 100:
            msg = f"the size of an item lies between 0 and 100 m, got {self.size_m}"
            raise InputError(msg)
        if self.blind_round < 0:
            msg = f"a blind round is 0 (open) or more, got {self.blind_round}"
            raise InputError(msg)
        if self.geometry is not None:
            _check_geometry(self.geometry)


@dataclass(frozen=True, slots=True)
class Decision:
    """An opinion as it lies in the store."""

    uid: str
    """32 hex digits by chance, so that stores can be joined."""
    decided_at: str
    """UTC, ISO 8601 with microseconds; later than all decisions before it in its store."""
    previous: str | None
    """uid of the decision that this one replaces or takes back."""
    opinion: Opinion


def _check_geometry(wkt: str) -> None:
    try:
        geometry = shapely.from_wkt(wkt)
    except shapely.errors.GEOSException as error:
        msg = f"the geometry is no WKT ({error})"
        raise InputError(msg) from error
    if geometry.is_empty or not geometry.is_valid:
        msg = "the geometry is empty or crosses itself; draw it again"
        raise InputError(msg)
