"""What reviewers see and do: items in view, a thing's details, what is next, decisions, progress."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.errors import InputError
from survey.page.queue import Entry, disputed, for_second_opinion, in_turn, informative, still_open
from survey.page.told import decision_told, drawn_item, estimate_told, state_of
from survey.page.vectors import Bounds, clusters
from survey.review.agreement import CATEGORIES, agreement
from survey.review.counts import site_counts
from survey.review.decision import Kind, Opinion, Place, Status
from survey.review.material import Material
from survey.review.standing import Standing, not_taken_back, standing
from survey.review.store import Draw, ReviewStore
from survey.review.tiles import tile_at, tile_box

MOST_POINTS = 600
"""Items sent one by one for a view; more would lie over each other and are counted in squares."""
NEXT = 40
"""Things of the queue sent at a time."""
MODES = ("informative", "disputed")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, and whether the verdicts of others are hidden."""

    reviewer: str
    blind_round: int


@dataclass(frozen=True, eq=False)
class Desk:
    """One run under review."""

    material: Material
    store: ReviewStore
    draws: tuple[Draw, ...]
    order: tuple[Entry, ...]

    @classmethod
    def over(cls, material: Material, store: ReviewStore, draws: Sequence[Draw]) -> "Desk":
        """Return the desk of a run with its queue."""
        found = material.found
        ranked = informative(found.probability[found.leaders], material.risk)
        subjects = [str(found.ids[found.leaders[n]]) for n in ranked]
        desk = cls(material, store, tuple(draws), tuple(in_turn(subjects, draws)))
        desk._by_tile  # noqa: B018 - worked out now, not while the first page waits for it
        return desk

    def things(self, viewer: Viewer) -> dict[str, Standing]:
        """Return what stands, as far as the viewer may see it: in a blind round, his own decisions of it."""
        decisions = self.store.decisions()
        if viewer.blind_round:
            decisions = tuple(
                d
                for d in decisions
                if (d.opinion.reviewer, d.opinion.blind_round) == (viewer.reviewer, viewer.blind_round)
            )
        return standing(decisions)

    def items(self, viewer: Viewer, bounds: Bounds, *, resolution: float) -> dict[str, Any]:
        """Return the items within bounds one by one, or counted in squares where there are too many."""
        found, lead = self.material.found, self.material.found.leaders
        west, south, east, north = bounds
        x, y = found.x[lead], found.y[lead]
        inside = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
        things = self.things(viewer)
        drawn = [drawn_item(t) for t in things.values() if t.kind is Kind.MISSED and t.verdict >= 0]
        if len(inside) > MOST_POINTS:
            return {"clusters": self._clusters(inside, things, resolution=resolution), "drawn": drawn}
        rows = [
            [
                str(found.ids[n]),
                round(float(found.x[n]), 3),
                round(float(found.y[n]), 3),
                round(float(found.size_m[n]), 3),
                str(found.label[n]),
                round(float(found.probability[n]), 3),
                state_of(things.get(str(found.ids[n]))),
            ]
            for n in lead[inside]
        ]
        return {"items": rows, "drawn": drawn}

    def thing(self, viewer: Viewer, subject: str) -> dict[str, Any]:
        """Return all that is known of a sighting, a drawn item or a tile, and the decisions that the viewer may see.

        Raises:
            InputError: There is no such thing.
        """
        shown = self.things(viewer).get(subject)
        history = [
            decision_told(d)
            for d in self.store.decisions()
            if d.opinion.subject == subject and (not viewer.blind_round or d.opinion.reviewer == viewer.reviewer)
        ]
        about: dict[str, Any] = {"subject": subject, "state": state_of(shown), "decisions": history}
        if subject in self._places:
            return about | self._item(self._places[subject])
        if subject.startswith("tile-"):
            return about | self._tile(subject, self.things(viewer))
        if shown is not None or (shown := standing(self.store.decisions()).get(subject)) is not None:
            return about | drawn_item(shown) | {"kind": Kind.MISSED}
        msg = f"{subject[:80]!r}: no such thing in this run; reload the page"
        raise InputError(msg)

    def queue(self, viewer: Viewer, *, mode: str) -> dict[str, Any]:
        """Return the next things to judge, and how many are left."""
        decisions = self.store.decisions()
        if viewer.blind_round:
            left = for_second_opinion(decisions, reviewer=viewer.reviewer, blind_round=viewer.blind_round)
            left = [entry for entry in left if entry.subject in self._places]
        elif mode == "disputed":
            left = list(disputed(standing(decisions)))
        else:
            left = list(still_open(self.order, standing(decisions)))
        return {"left": len(left), "next": [{"kind": e.kind, "subject": e.subject} for e in islice(left, NEXT)]}

    def decide(self, opinion: Opinion) -> dict[str, Any]:
        """Keep a decision.

        Raises:
            InputError: A tile is said to be reviewed in which a sighting is not judged.
            OutputError: The review is read-only.
        """
        if opinion.status is Status.TILE_REVIEWED:
            things = standing(self.store.decisions())
            waiting = [s for s in self._by_tile.get(opinion.subject, ()) if s not in things]
            if waiting:
                msg = f"{len(waiting)} sightings in this tile are not judged yet"
                raise InputError(msg)
        return decision_told(self.store.add(opinion))

    def take_back(self, viewer: Viewer) -> dict[str, Any] | None:
        """Take back the viewer's latest decision that stands; None if there is none."""
        own = [
            d
            for d in not_taken_back(self.store.decisions())
            if (d.opinion.reviewer, d.opinion.blind_round) == (viewer.reviewer, viewer.blind_round)
        ]
        if not own:
            return None
        self.store.take_back(own[-1].uid, reviewer=viewer.reviewer)
        return decision_told(own[-1])

    def place_of(self, subject: str) -> tuple[Place, str, float]:
        """Return place, class and size of a sighting of the run.

        Raises:
            InputError: There is no such sighting.
        """
        if (item := self._places.get(subject)) is None:
            msg = f"{subject[:80]!r}: no such sighting in this run; reload the page"
            raise InputError(msg)
        found = self.material.found
        n = found.leaders[item]
        place = Place(self.material.crs, float(found.x[n]), float(found.y[n]), float(found.position_error_m[n]))
        return place, str(found.label[n]), float(found.size_m[n])

    def progress(self, viewer: Viewer) -> dict[str, Any]:
        """Return counts of verdicts, this site's recall and false alarms, and how reviewers agree."""
        decisions = self.store.decisions()
        open_second = viewer.blind_round and for_second_opinion(
            decisions, reviewer=viewer.reviewer, blind_round=viewer.blind_round
        )
        # Until a blind round is finished its reviewer counts only what is his: sums would tell what the others said.
        things = self.things(viewer) if open_second else standing(decisions)
        judged = [things[s].verdict for s in self._places if s in things]
        tiles = [entry.subject for entry in self.order if entry.kind is Kind.TILE]
        site = site_counts(things, self._tile_of, self.draws, searched_ha=self.material.searched_ha)
        agreed = agreement(decisions)
        return {
            "items": len(self._places),
            "judged": len(judged),
            "confirmed": judged.count(1),
            "rejected": judged.count(-1),
            "disputed": sum(t.disputed for t in things.values()),
            "drawn": sum(t.kind is Kind.MISSED and t.verdict > 0 for t in things.values()),
            "tiles": len(tiles),
            "tiles_reviewed": sum(s in things and things[s].verdict > 0 for s in tiles),
            "recall": estimate_told(site.recall),
            "false_alarms_per_ha": estimate_told(site.false_alarms_per_ha),
            "strata": [
                {"name": s.stratum, "reviewed": s.reviewed, "population": s.population, "missed": s.missed}
                for s in site.strata
            ],
            "agreement": {
                "pairs": agreed.pairs,
                # In a blind round the figure would tell after each verdict whether the other said the same.
                "hidden": bool(open_second),
                "agreed": None if open_second else agreed.agreed,
                "kappa": None if open_second else agreed.kappa,
                "interval": None if open_second else [agreed.low, agreed.high],
                "table": None if open_second else agreed.table.tolist(),
                "categories": CATEGORIES,
            },
        }

    def _clusters(self, inside: NDArray[np.intp], things: Mapping[str, Standing], *, resolution: float) -> list[Any]:
        found, lead = self.material.found, self.material.found.leaders[inside]
        x, y, p = found.x[lead], found.y[lead], found.probability[lead]
        number, count = clusters(x, y, resolution=resolution)
        many = np.bincount(number, minlength=count)
        middle_x, middle_y = np.bincount(number, x) / many, np.bincount(number, y) / many
        highest = np.zeros(count)
        np.maximum.at(highest, number, p)
        judged = np.bincount(number, np.isin(found.ids[lead], list(things)), minlength=count)
        columns = (middle_x.round(2), middle_y.round(2), many, judged.astype(int), highest.round(3))
        return [list(row) for row in zip(*(c.tolist() for c in columns), strict=True)]

    def _item(self, item: int) -> dict[str, Any]:
        found = self.material.found
        names = {image.image_id: image for image in self.material.images}
        own = found.sightings_of(item)
        best = own[0]
        return {
            "kind": Kind.SIGHTING,
            "x": float(found.x[best]),
            "y": float(found.y[best]),
            "size_m": float(found.size_m[best]),
            "class": str(found.label[best]),
            "probability": float(found.probability[best]),
            "position_error_m": float(found.position_error_m[best]),
            "risk": float(self.material.risk[item]),
            "sightings": [
                {
                    "id": str(found.ids[n]),
                    "image_id": str(found.image_ids[n]),
                    "image": names[found.image_ids[n]].path.name if found.image_ids[n] in names else None,
                    "class": str(found.label[n]),
                    "probability": float(found.probability[n]),
                    "size_m": float(found.size_m[n]),
                }
                for n in own
            ],
        }

    def _tile(self, subject: str, things: Mapping[str, Standing]) -> dict[str, Any]:
        box = tile_box(subject)
        inside = self._by_tile.get(subject, [])
        return {
            "kind": Kind.TILE,
            "bounds": box.bounds,
            "x": box.centroid.x,
            "y": box.centroid.y,
            "items": [{"subject": s, "state": state_of(things.get(s))} for s in inside],
        }

    @cached_property
    def _places(self) -> dict[str, int]:
        found = self.material.found
        return {str(found.ids[n]): item for item, n in enumerate(found.leaders)}

    @cached_property
    def _tile_of(self) -> dict[str, str]:
        found = self.material.found
        return {s: tile_at(found.x[found.leaders[n]], found.y[found.leaders[n]]) for s, n in self._places.items()}

    @cached_property
    def _by_tile(self) -> dict[str, list[str]]:
        by_tile: dict[str, list[str]] = {}
        for subject, tile in self._tile_of.items():
            by_tile.setdefault(tile, []).append(subject)
        return by_tile
