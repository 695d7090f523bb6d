"""A reviewed run as a source of training: its decisions, and what they come to on each of its images."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from survey.datasets.datalist import ReviewEntry
from survey.errors import ConfigError
from survey.files import sha256_of
from survey.ingest import open_image
from survey.review import FILE, Carried, Kind, Place, ReviewStore, Sightings, Standing, carry_over, standing, tile_box
from survey.review.material import Material, load_material
from survey.review.travel import REACH_SIGMAS
from survey.values import CLASSES, UNIDENTIFIED_CLASS, Image

SPREAD = 1.5
"""What is unsettled covers so many times its size: a network's peak may lie beside it."""
EDGE_M = 0.2
"""An item that lies so near to a tile's edge may belong to both sides: ground there is not taken for looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Things on one image; arrays of shape (N,)."""

    row: NDArray[np.float64]
    """In the image's own pixels, on pixel edges."""
    col: NDArray[np.float64]
    size_m: NDArray[np.float64]
    verdict: NDArray[np.int8]
    """1 an item, -1 none, 0 unsettled."""
    classes: tuple[str, ...]
    """Empty where there is none to learn."""


@dataclass(frozen=True, slots=True, eq=False)
class LookedAt:
    """Squares of one image that were looked at as a whole."""

    shape: NDArray[np.object_]
    """Polygons in the image's own pixels (col, row)."""
    empty: NDArray[np.bool_]
    """Neither an item nor anything unsettled lies in it."""


@dataclass(frozen=True, eq=False)
class ReviewedRun:
    """A finished run and what stands after its review."""

    material: Material
    things: dict[str, Standing]
    sha256: str
    """Of all decisions."""

    def places_on(self, image: Image) -> Places:
        """Return the things that an image shows, each once.

        A sighting lies where the run saw it. What no sighting of this image stands for lies where it was drawn, if
        this is the only image on which the reviewers can have seen it. On any other image its place is as uncertain
        as two images' fit: it is unsettled there.
        """
        own = np.flatnonzero(self.material.found.image_ids == image.image_id).tolist()
        rows = [self._seen(n) for n in own]
        known = {self._carried.subject[n] for n in own}
        for thing in self.things.values():
            if thing.kind is not Kind.TILE and thing.subject not in known:
                rows += self._drawn(thing, image)
        table = np.array([row[:4] for row in rows], np.float64).reshape(-1, 4)
        names = tuple(row[4] for row in rows)
        return Places(table[:, 0], table[:, 1], table[:, 2], table[:, 3].astype(np.int8), names)

    def tiles_on(self, image: Image, places: Places) -> LookedAt:
        """Return the squares of searched ground that were looked at as a whole on an image."""
        shapes, empty = [], []
        open_at = places.verdict >= 0
        for thing in self.things.values():
            if thing.kind is not Kind.TILE or thing.verdict <= 0 or image.image_id not in _images(thing):
                continue
            told = thing.last.opinion
            box = shapely.from_wkt(told.geometry) if told.geometry else tile_box(thing.subject)
            shape = shapely.transform(box, lambda xy, crs=told.place.crs: _pixels(xy, crs, image)[:, ::-1])
            if not shape.intersects(shapely.box(0, 0, image.width, image.height)):
                continue
            near = shape.buffer(EDGE_M / image.gsd_m)
            shapes.append(shape)
            empty.append(not shapely.contains_xy(near, places.col[open_at], places.row[open_at]).any())
        which = np.empty(len(shapes), object)
        which[:] = shapes
        return LookedAt(which, np.array(empty, bool))

    def _seen(self, n: int) -> tuple[float, float, float, int, str]:
        """Return row, col, size, verdict and class of a sighting."""
        found, carried = self.material.found, self._carried
        at, size = (float(found.image_row[n]), float(found.image_col[n])), float(found.size_m[n])
        verdict = int(carried.verdict[n])
        if verdict == 0 or n in self._doubles:
            return (*at, size * SPREAD, 0, "")
        if verdict < 0:
            return (*at, size, -1, "")
        told = self.things[str(carried.subject[n])].last.opinion
        return (*at, told.size_m or size, 1, _class(carried.label[n] or str(found.label[n])))

    def _drawn(self, thing: Standing, image: Image) -> list[tuple[float, float, float, int, str]]:
        """Return the place of a thing that no sighting of an image stands for; nothing if none is to be seen there."""
        told = thing.last.opinion
        if (at := _within(told.place, image)) is None:
            return []
        seen = _images(thing)
        shown = [o.image_id for o in self.material.images if o.image_id in seen and _within(told.place, o) is not None]
        certain = shown == [image.image_id] and told.size_m is not None
        if certain and thing.verdict:
            name = _class(told.label or "") if thing.verdict > 0 else ""
            return [(*at, told.size_m or 0.0, thing.verdict, name)]
        if thing.verdict < 0:
            return []
        reach = SPREAD * (told.size_m or 0) + 2 * REACH_SIGMAS * told.place.position_error_m
        return [(*at, reach, 0, "")]

    @cached_property
    def _carried(self) -> Carried:
        found = self.material.found
        return carry_over(
            list(self.things.values()),
            Sightings(
                self.material.crs,
                x=found.x,
                y=found.y,
                position_error_m=found.position_error_m,
                size_m=found.size_m,
                image_ids=[str(name) for name in found.image_ids],
                detection_ids=[str(name) for name in found.ids],
            ),
        )

    @cached_property
    def _doubles(self) -> frozenset[int]:
        """Sightings of an item that the same image shows by a more probable one: two labels would be two items."""
        found, carried = self.material.found, self._carried
        best: dict[tuple[str, str], int] = {}
        doubles = set()
        for n in np.argsort(-found.probability, kind="stable").tolist():
            if carried.verdict[n] > 0:
                first = best.setdefault((str(found.image_ids[n]), str(carried.subject[n])), n)
                doubles |= {n} - {first}
        return frozenset(doubles)


def open_review(entry: ReviewEntry, folder: Path) -> ReviewedRun:
    """Open a run and its decisions; no pixel is read.

    Args:
        entry: Of the data list.
        folder: What the entry's paths lie below.

    Raises:
        ConfigError: The run has no decision, or imagery of it is not found.
        InputError: The run did not finish, or a file is damaged.
    """
    run = folder / entry.run
    if not (run / FILE).is_file():
        msg = f"{run / FILE}: no such file; judge the run with `survey review {run}` first"
        raise ConfigError(msg)
    with ReviewStore(run, read_only=True) as store:
        decisions = store.decisions()
    things = standing(decisions)
    if not things:
        msg = f"{run / FILE}: no decision stands; judge the run with `survey review {run}` first"
        raise ConfigError(msg)
    material = load_material(run, images=[folder / name for name in entry.images])
    if material.not_there:
        msg = f"{run}: {material.not_there[0]}; name the folder where the run's imagery lies now with --images"
        raise ConfigError(msg)
    told = "\n".join(json.dumps(asdict(d), sort_keys=True, default=str) for d in decisions)
    return ReviewedRun(material, things, hashlib.sha256(told.encode()).hexdigest())


def check_imagery(images: Iterable[Image]) -> None:
    """Refuse imagery that is not what was judged.

    Raises:
        ConfigError: The content of a file is another than the run's.
    """
    for image in images:
        if open_image(image.path, bands=image.bands.rgb).sha256 != image.sha256:
            msg = f"{image.path}: has changed since it was judged; restore it, or name its folder with --images"
            raise ConfigError(msg)


def review_hashes(entry: ReviewEntry, folder: Path) -> dict[str, str]:
    """Return SHA-256 of what a reviewed run contributes: decisions, sightings, imagery; by names without a folder."""
    review = open_review(entry, folder)
    name = f"review/{entry.site}/{review.material.run_id}"
    hashes = {
        f"{name}/decisions": review.sha256,
        f"{name}/detections.gpkg": sha256_of(review.material.folder / "products" / "detections.gpkg"),
    }
    return hashes | {f"{name}/{image.path.name}": image.sha256 for image in review.material.images}


def _class(label: str) -> str:
    return label if label in CLASSES and label != UNIDENTIFIED_CLASS else ""


def _images(thing: Standing) -> set[str]:
    """Return ids of the images that were looked at when the opinions that count were given."""
    shown = (d.opinion.seen.get("images", []) for d in thing.opinions)
    return {str(name) for names in shown if isinstance(names, list) for name in names}


def _within(place: Place, image: Image) -> tuple[float, float] | None:
    """Return row and col of a place; None where it lies outside the image."""
    row, col = _pixels(np.array([[place.x, place.y]]), place.crs, image)[0].tolist()
    return (row, col) if 0 <= row < image.height and 0 <= col < image.width else None


def _pixels(xy: NDArray[np.float64], crs: str, image: Image) -> NDArray[np.float64]:
    """Return (N, 2) row and col of places; not finite where the CRS does not reach."""
    x, y = pyproj.Transformer.from_crs(crs, image.crs_wkt, always_xy=True).transform(xy[:, 0], xy[:, 1])
    col, row = ~image.transform * (np.asarray(x), np.asarray(y))
    return np.column_stack([row, col])
