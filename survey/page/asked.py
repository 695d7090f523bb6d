"""What the page sends, checked before anything is done with it."""

from dataclasses import dataclass
from secrets import token_hex
from typing import Annotated, Literal

import shapely
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from survey.errors import InputError
from survey.page.desk import Desk
from survey.review.decision import Kind, Opinion, Place, Status
from survey.review.standing import standing
from survey.review.tiles import tile_box
from survey.values import UNIDENTIFIED_CLASS

CLICK_PX = 2.0
"""One-sigma error of a drawn outline's centre, in pixels of the image that it is drawn on."""

Reviewer = Annotated[str, Field(min_length=1, max_length=100)]
Round = Annotated[int, Field(ge=0, le=99)]
Corner = tuple[FiniteFloat, FiniteFloat]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Seen(_Asked):
    """What was on the screen."""

    images: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=100)] = []
    scales_m: Annotated[list[Annotated[float, Field(gt=0, le=1e5)]], Field(max_length=10)] = []
    resolution_m: Annotated[float, Field(gt=0, le=1e5)] | None = None
    queue: Literal["informative", "disputed", "blind", "map"] = "map"


class DecisionAsked(_Asked):
    """A decision to keep."""

    kind: Kind
    status: Status
    subject: Annotated[str, Field(max_length=200)] = ""
    label: Annotated[str, Field(max_length=100)] | None = None
    ring: Annotated[list[Corner], Field(min_length=3, max_length=200)] | None = None
    note: Annotated[str, Field(max_length=4000)] = ""
    reviewer: Reviewer
    blind_round: Round = 0
    seen: Seen = Seen()


class UndoAsked(_Asked):
    """Take back the reviewer's latest decision."""

    reviewer: Reviewer
    blind_round: Round = 0


def opinion_of(asked: DecisionAsked, desk: Desk) -> Opinion:
    """Return the opinion asked to be kept; place and size come from the run, not from the page.

    Raises:
        InputError: A part does not fit the run or the others.
    """
    if asked.status is Status.TAKEN_BACK:
        msg = "a decision is taken back by undoing it"
        raise InputError(msg)
    if asked.label is not None and asked.label not in desk.material.classes:
        msg = f"there is no class {asked.label!r}; there are {', '.join(desk.material.classes)}"
        raise InputError(msg)
    about = {Kind.SIGHTING: _sighting, Kind.TILE: _tile, Kind.MISSED: _missed}[asked.kind](asked, desk)
    known = {image.image_id for image in desk.material.images}
    seen = asked.seen.model_dump() | {"images": [name for name in asked.seen.images if name in known]}
    return Opinion(
        kind=asked.kind,
        status=asked.status,
        subject=about.subject,
        place=about.place,
        reviewer=asked.reviewer,
        label=about.label,
        size_m=about.size_m,
        geometry=about.geometry,
        note=asked.note,
        seen=seen,
        model=desk.material.model,
        run_id=desk.material.run_id,
        blind_round=asked.blind_round,
    )


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a decision is about, as far as the page does not decide it."""

    subject: str
    place: Place
    label: str | None
    size_m: float | None
    geometry: str | None


def _sighting(asked: DecisionAsked, desk: Desk) -> _Subject:
    place, label, size_m = desk.place_of(asked.subject)
    return _Subject(asked.subject, place, asked.label or label, size_m, None)


def _tile(asked: DecisionAsked, desk: Desk) -> _Subject:
    box = tile_box(asked.subject)
    if not box.intersects(desk.material.searched):
        msg = "this tile was not searched"
        raise InputError(msg)
    place = Place(desk.material.crs, box.centroid.x, box.centroid.y, 0.0)
    return _Subject(asked.subject, place, None, None, box.wkt)


def _missed(asked: DecisionAsked, desk: Desk) -> _Subject:
    """Return a drawn item, new or known."""
    if asked.subject:
        known = standing(desk.store.decisions()).get(asked.subject)
        if known is None or known.kind is not Kind.MISSED:
            msg = f"{asked.subject[:80]!r}: no such drawn item; reload the page"
            raise InputError(msg)
        told = known.last.opinion
        return _Subject(asked.subject, told.place, asked.label or told.label, told.size_m, told.geometry)
    if asked.ring is None:
        msg = "an item that was missed has to be drawn"
        raise InputError(msg)
    shape = shapely.Polygon(asked.ring)
    if not shape.is_valid or shape.area <= 0:
        msg = "the outline crosses itself or has no area; draw it again"
        raise InputError(msg)
    if not desk.material.imaged.intersects(shape):
        msg = "the outline lies on no image of this run"
        raise InputError(msg)
    edges = shapely.get_coordinates(shape.minimum_rotated_rectangle)
    size_m = float(max(shapely.Point(edges[n]).distance(shapely.Point(edges[n + 1])) for n in (0, 1)))
    gsd_m = min(image.gsd_m for image in desk.material.images)
    place = Place(desk.material.crs, shape.centroid.x, shape.centroid.y, CLICK_PX * gsd_m)
    return _Subject(f"item-{token_hex(8)}", place, asked.label or UNIDENTIFIED_CLASS, size_m, shape.wkt)
