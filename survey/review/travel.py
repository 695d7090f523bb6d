"""Decisions carried over to the sightings of a run, this one or another, by place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from survey.errors import SurveyError
from survey.review.decision import Kind
from survey.review.standing import Standing

REACH_SIGMAS = 3.0
"""As when sightings of one item are merged: two views of a point differ by more in 1 % of cases."""


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """The sightings of a run; arrays of shape (N,)."""

    crs: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    position_error_m: NDArray[np.floating]
    size_m: NDArray[np.floating]
    image_ids: Sequence[str]
    """(N,) id of the image of each."""
    detection_ids: Sequence[str] | None = None
    """(N,) where known: a decision on the very sighting needs no place."""


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """What decisions say of the sightings of a run."""

    verdict: NDArray[np.int8]
    """(N,) 1 confirmed, -1 rejected, 0 not known; as `survey.risk.Review` takes it."""
    label: tuple[str | None, ...]
    """(N,) class given by a reviewer, where confirmed."""
    subject: tuple[str | None, ...]
    """(N,) the thing that the verdict was taken from."""
    missed: tuple[Standing, ...]
    """Items that reviewers know of and that no sighting of this run lies at."""


def carry_over(things: Sequence[Standing], sightings: Sightings) -> Carried:
    """Return the verdict on each sighting of a run.

    Each sighting takes the nearest thing within reach: 3 combined position errors, and for items also half the size.
    A rejection has to lie within 3 position errors, on an image that the reviewer saw: what lies there in another
    picture was not looked at yet. What does not carry over is asked again.

    Args:
        things: `standing(...).values()`, of this run and of earlier ones.
        sightings: Of the run.

    Raises:
        SurveyError: A thing cannot be placed in the run's CRS.
    """
    count = len(sightings.x)
    verdict, subject = np.zeros(count, np.int8), np.full(count, -1, np.intp)
    points = [thing for thing in things if thing.kind is not Kind.TILE and thing.verdict]
    points.sort(key=lambda thing: (thing.last.decided_at, thing.last.uid))
    place = placed(points, sightings.crs)
    near = np.full(count, np.inf)
    tree = cKDTree(np.column_stack([sightings.x, sightings.y]))
    largest = float(np.max(sightings.position_error_m, initial=0.0))
    widest = float(np.max(sightings.size_m, initial=0.0))
    own = {name: n for n, name in enumerate(sightings.detection_ids or ())}
    for n, thing in enumerate(points):
        opinion, sigma = thing.last.opinion, thing.last.opinion.place.position_error_m
        size = opinion.size_m or 0.0
        radius = max(REACH_SIGMAS * np.hypot(sigma, largest), max(size, widest) / 2)
        within = np.asarray(tree.query_ball_point(place[n], radius), np.intp)
        distance = np.hypot(sightings.x[within] - place[n, 0], sightings.y[within] - place[n, 1])
        reach = REACH_SIGMAS * np.hypot(sigma, sightings.position_error_m[within].astype(np.float64))
        if thing.verdict > 0:
            reach = np.maximum(reach, np.maximum(size, sightings.size_m[within]) / 2)
        fits = distance <= reach
        if thing.verdict < 0:
            fits &= np.isin([sightings.image_ids[i] for i in within], images_of(thing))
        if (exact := own.get(thing.subject)) is not None:
            within, distance, fits = np.append(within, exact), np.append(distance, -1.0), np.append(fits, True)
        closer = fits & (distance < near[within])
        subject[within[closer]], near[within[closer]] = n, distance[closer]
        verdict[within[closer]] = thing.verdict
    met = set(subject.tolist())
    names = [None if n < 0 else points[n] for n in subject]
    return Carried(
        verdict,
        tuple(t.last.opinion.label if t is not None and t.verdict > 0 else None for t in names),
        tuple(t.subject if t is not None else None for t in names),
        tuple(t for n, t in enumerate(points) if t.verdict > 0 and n not in met),
    )


def placed(things: Sequence[Standing], crs: str) -> NDArray[np.float64]:
    """Return (N, 2) x and y of things in a CRS.

    Raises:
        SurveyError: One cannot be placed there.
    """
    out = np.array([[t.last.opinion.place.x, t.last.opinion.place.y] for t in things], np.float64).reshape(-1, 2)
    theirs = np.array([t.last.opinion.place.crs for t in things], object)
    for name in sorted(set(theirs.tolist()) - {crs}):
        which = theirs == name
        out[which] = _moved(out[which], name, crs)
    return out


def moved(shape: Any, theirs: str, crs: str) -> Any:
    """Return a shapely geometry in another CRS; itself if that is its own.

    Raises:
        SurveyError: It cannot be placed there.
    """
    return shape if theirs == crs else shapely.transform(shape, lambda points: _moved(points, theirs, crs))


def _moved(points: NDArray[np.float64], theirs: str, crs: str) -> NDArray[np.float64]:
    try:
        there = pyproj.Transformer.from_crs(theirs, crs, always_xy=True).transform(
            points[:, 0], points[:, 1], errcheck=True
        )
    except pyproj.exceptions.ProjError as error:
        msg = f"decisions in {theirs} cannot be placed in {crs} ({error}); leave out the store that they are from"
        raise SurveyError(msg) from error
    return np.column_stack(there)


def images_of(thing: Standing) -> list[str]:
    """Return the ids of the images that the reviewers of a thing looked at."""
    shown = (d.opinion.seen.get("images", []) for d in thing.opinions)
    return [str(name) for names in shown if isinstance(names, list) for name in names]
