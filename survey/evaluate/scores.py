"""What a model saw in pictures with known content, matched to what is there: the ground of every figure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import logit

from survey.detect import WINDOWS, Detector
from survey.errors import InputError
from survey.evaluate.cover import cover_around
from survey.matching import MATCH_M, match
from survey.networks import HEAT_STRIDE

LEAST_SCORE = 0.02
"""Sightings below this score are not asked for."""
MOST_MEASURED = 64
"""Pictures of a site that tell what its ground is like, at most."""


class LabelledItems(Protocol):
    """Items of a picture: arrays of shape (N,), in its pixels."""

    @property
    def row(self) -> NDArray[np.float64]: ...  # noqa: D102 - as `survey.labels.Boxes`
    @property
    def col(self) -> NDArray[np.float64]: ...  # noqa: D102
    @property
    def size_px(self) -> NDArray[np.float64]: ...  # noqa: D102
    @property
    def classes(self) -> tuple[str, ...]: ...  # noqa: D102


class LabelledPicture(Protocol):
    """A picture of ground in which every item is labelled, such as `survey.datasets.sources.Picture`."""

    @property
    def site(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def rgb(self) -> NDArray[np.uint8]: ...  # noqa: D102
    @property
    def gsd_m(self) -> float: ...  # noqa: D102
    @property
    def items(self) -> LabelledItems: ...  # noqa: D102
    @property
    def imaged_px(self) -> int | None: ...  # noqa: D102 - None: all pixels show ground


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """N merged sightings, each with what it found. Every array has shape (N,)."""

    score: NDArray[np.float64]
    class_index: NDArray[np.intp]
    """Into `Scores.classes`."""
    x: NDArray[np.float64]
    """Metres in the stretch's own system: columns times GSD, or the map's x."""
    y: NDArray[np.float64]
    size_m: NDArray[np.float64]
    stretch: NDArray[np.intp]
    """Into `Scores.stretches`."""
    item: NDArray[np.intp]
    """Item that it is the best sighting of; -1 for a false alarm."""
    error_m: NDArray[np.float64]
    """Distance to the item's centre; NaN for false alarms."""
    again: NDArray[np.bool_]
    """A false alarm within reach of an item that another sighting found."""

    @property
    def true(self) -> NDArray[np.bool_]:
        """(N,) sightings that found an item."""
        return self.item >= 0

    @property
    def logit(self) -> NDArray[np.float64]:
        """(N,) the score before its sigmoid, clipped to what float32 can tell apart."""
        return np.asarray(logit(np.clip(self.score, 1e-7, 1 - 1e-7)), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """M items that there are to find. Every array has shape (M,)."""

    label: NDArray[np.intp]
    """Into `Scores.labels`."""
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    size_m: NDArray[np.float64]
    gsd_m: NDArray[np.float64]
    """Of the picture that shows it."""
    stretch: NDArray[np.intp]
    green: NDArray[np.float64]
    """Share of green pixels around it; NaN where it is not known."""
    texture: NDArray[np.float64]
    """Roughness of the ground around it, grey levels; NaN where it is not known."""


Table = TypeVar("Table", Sightings, Items)


@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """K stretches of ground that were looked at: pictures, or the hectares of an orthomosaic."""

    kind: str
    """'image' or 'hectare'."""
    names: tuple[str, ...]
    sites: tuple[str, ...]
    area_ha: NDArray[np.float64]
    """Ground seen in several pictures counts each time."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """All sightings of a set of pictures, and all there was to find."""

    sightings: Sightings
    items: Items
    stretches: Stretches
    classes: tuple[str, ...]
    """The model's classes."""
    labels: tuple[str, ...]
    """The labels' classes; they need not be the model's."""
    gsd_m: float
    """The model's."""

    @property
    def area_ha(self) -> float:
        """Hectares looked at."""
        return float(self.stretches.area_ha.sum())

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of the sites, sorted."""
        return tuple(sorted(set(self.stretches.sites)))

    def of_site(self, site: str) -> "Scores":
        """Return what belongs to one site."""
        keep = np.array(self.stretches.sites) == site
        place = np.cumsum(keep) - 1
        s, i, k = self.sightings, self.items, self.stretches
        item_kept = keep[i.stretch]
        item_place = np.where(item_kept, np.cumsum(item_kept) - 1, -1)
        seen = _take(s, keep[s.stretch])
        found = np.where(seen.item >= 0, item_place[seen.item] if len(item_place) else -1, -1)
        seen = replace(seen, stretch=place[seen.stretch].astype(np.intp), item=found.astype(np.intp))
        items = _take(i, item_kept)
        items = replace(items, stretch=place[items.stretch].astype(np.intp))
        names = tuple(n for n, kept in zip(k.names, keep, strict=True) if kept)
        stretches = Stretches(k.kind, names, (site,) * len(names), k.area_ha[keep])
        return replace(self, sightings=seen, items=items, stretches=stretches)


def _take(table: Table, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Table:
    return replace(table, **{f.name: getattr(table, f.name)[keep] for f in fields(table)})


def score_pictures(detector: Detector, pictures: Sequence[LabelledPicture]) -> Scores:
    """Run the detector over pictures and match what it sees to what is there.

    The detector should have a low score threshold. Sightings of one thing are merged first, without a look
    at the labels. Each item is then found by at most one sighting, the best within reach; all others are
    false alarms.

    Args:
        detector: Finds things in one picture.
        pictures: Each is asked for once, and may be decoded only then. Where the detector compares with the ground of a
            site, all are asked for their site first, and up to `MOST_MEASURED` of each site for their ground.
    """
    parts: list[tuple[Sightings, Items]] = []
    sites, names, areas = [], [], []
    labels: dict[str, int] = {}
    classes: tuple[str, ...] = detector.card.class_names
    found_before = 0
    on_site = on_own_ground(detector, pictures)
    for n in range(len(pictures)):
        picture = pictures[n]
        gsd = picture.gsd_m
        rgb = picture.rgb
        items = _items(picture, n, labels)
        found = on_site(picture.site).detect(rgb, gsd_m=gsd)
        sightings = Sightings(
            score=found.score.astype(np.float64),
            class_index=found.class_index.astype(np.intp),
            x=found.col * gsd,
            y=found.row * gsd,
            size_m=found.size_m.astype(np.float64),
            stretch=np.full(len(found), n, np.intp),
            item=np.full(len(found), -1, np.intp),
            error_m=np.full(len(found), np.nan),
            again=np.zeros(len(found), bool),
        )
        sightings = matched(merged(sightings, guard_m=2 * HEAT_STRIDE * detector.card.gsd_m), items)
        shifted = np.where(sightings.item >= 0, sightings.item + found_before, -1)
        parts.append((replace(sightings, item=shifted), items))
        found_before += len(items.x)
        sites.append(picture.site)
        names.append(picture.name)
        imaged = rgb.shape[0] * rgb.shape[1] if picture.imaged_px is None else picture.imaged_px
        areas.append(imaged * gsd**2 / 1e4)
    if not parts:
        msg = "no picture to score; name a site that has some"
        raise InputError(msg)
    return Scores(
        _joined([s for s, _ in parts]),
        _joined([i for _, i in parts]),
        Stretches("image", tuple(names), tuple(sites), np.array(areas)),
        classes,
        tuple(labels),
        detector.card.gsd_m,
    )


def on_own_ground(detector: Detector, pictures: Sequence[LabelledPicture]) -> Callable[[str], Detector]:
    """Return the detector for each site: on the site's own ground, where the detector compares with it."""
    if detector.card.contrast is None:
        return lambda _: detector
    members: dict[str, list[tuple[str, int]]] = {}
    for n in range(len(pictures)):
        members.setdefault(pictures[n].site, []).append((pictures[n].name, n))
    own: dict[str, Detector] = {}
    for site, named in members.items():
        numbers = [n for _, n in sorted(named)]  # by name: the order of the pictures shall not matter
        spread = np.linspace(0, len(numbers) - 1, min(len(numbers), MOST_MEASURED)).round().astype(int)
        chosen = [numbers[n] for n in spread]
        meter = detector.meter()
        for n in chosen:
            picture = pictures[n]
            meter.add_picture(detector.working(picture.rgb, picture.gsd_m), windows=-(-WINDOWS // len(chosen)))
        own[site] = detector.on(detector.background_of(meter))
    return own.__getitem__


def merged(sightings: Sightings, *, guard_m: float) -> Sightings:
    """Return the sightings of one picture, best first, without those of a thing that a better one shows.

    A sighting is dropped when its centre lies within half the size of a better sighting, or within
    `guard_m`. Things that lie side by side are a whole size apart, so they stay two.
    """
    ordered = _take(sightings, np.argsort(-sightings.score, kind="stable").astype(np.intp))
    if not len(ordered.score):
        return ordered
    places = np.column_stack([ordered.x, ordered.y])
    near = cKDTree(places).query_ball_point(places, np.maximum(guard_m, ordered.size_m / 2))
    kept = np.ones(len(places), bool)
    for n, others in enumerate(near):
        if kept[n]:
            kept[[other for other in others if other > n]] = False
    return _take(ordered, kept)


def matched(sightings: Sightings, items: Items) -> Sightings:
    """Say of each sighting, best first, which of the items it found."""
    seen, there = (np.column_stack([t.x, t.y]) for t in (sightings, items))
    reach = np.fmax(MATCH_M, items.size_m / 2)  # the size may not be known
    item, distance = match(seen, there, reach=reach)
    within = (reach >= np.hypot(*(seen[:, None] - there[None]).T).T).any(axis=1) if len(there) else item >= 0
    return replace(sightings, item=item, error_m=distance, again=within & (item < 0))


def _items(picture: LabelledPicture, number: int, labels: dict[str, int]) -> Items:
    """Return a picture's items with the cover around them; new label classes are added to `labels`."""
    boxes, gsd = picture.items, picture.gsd_m
    size_m = boxes.size_px * gsd
    cover = [
        cover_around(picture.rgb, row=row, col=col, size_m=size, gsd_m=gsd)
        for row, col, size in zip(boxes.row, boxes.col, size_m, strict=True)
    ]
    green, texture = np.array(cover).reshape(-1, 2).T
    count = len(boxes.row)
    return Items(
        label=np.array([labels.setdefault(name, len(labels)) for name in boxes.classes], np.intp),
        x=boxes.col * gsd,
        y=boxes.row * gsd,
        size_m=size_m,
        gsd_m=np.full(count, gsd),
        stretch=np.full(count, number, np.intp),
        green=green,
        texture=texture,
    )


def _joined(parts: Sequence[Table]) -> Table:
    return replace(parts[0], **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(parts[0])})
