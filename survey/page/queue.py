"""What to look at next: where a verdict says most, and tiles drawn by chance among it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from survey.review.decision import Decision, Kind
from survey.review.standing import Standing, not_taken_back
from survey.review.store import Draw

TILE_EVERY = 5
"""Each fifth thing is a tile, so that misses are measured from the first hour on."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A thing to be judged."""

    kind: Kind
    subject: str


def informative(probability: NDArray[np.float64], risk: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the order of items by what a verdict is worth: the entropy of the item times the risk of its hectare.

    A certain item changes nothing by being confirmed, and an uncertain one on ground of no risk little. Ties keep
    their order.

    Args:
        probability: (K,) of each item.
        risk: (K,) P(at least one item) of its hectare.
    """
    p = np.clip(probability, 1e-9, 1 - 1e-9)
    entropy = -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
    return np.argsort(-(entropy * risk), kind="stable")


def in_turn(subjects: Sequence[str], draws: Sequence[Draw]) -> list[Entry]:
    """Return items in the order given, after each four of them a tile, the strata in turn.

    Tiles come in the order of their draw: what was reviewed of a stratum is at any time a sample by chance.
    """
    by_stratum: dict[str, list[str]] = {}
    for draw in draws:
        by_stratum.setdefault(draw.stratum, []).extend(draw.tiles)
    rows = [list(dict.fromkeys(tiles)) for tiles in by_stratum.values()]
    most = max(map(len, rows), default=0)
    tiles = iter([Entry(Kind.TILE, row[n]) for n in range(most) for row in rows if n < len(row)])
    items = iter([Entry(Kind.SIGHTING, subject) for subject in subjects])
    entries: list[Entry] = []
    while batch := [*islice(items, TILE_EVERY - 1), *islice(tiles, 1)]:
        entries.extend(batch)
    return entries


def still_open(entries: Sequence[Entry], things: Mapping[str, Standing]) -> Iterator[Entry]:
    """Yield what nobody has decided on yet."""
    return (entry for entry in entries if entry.subject not in things)


def disputed(things: Mapping[str, Standing]) -> Iterator[Entry]:
    """Yield what reviewers differ on, then what they are unsure of."""
    split = (Entry(t.kind, t.subject) for t in things.values() if t.disputed)
    unsure = (Entry(t.kind, t.subject) for t in things.values() if not t.disputed and not t.verdict)
    return chain(split, unsure)


def for_second_opinion(decisions: Sequence[Decision], *, reviewer: str, blind_round: int) -> list[Entry]:
    """Return the sightings that others judged and this reviewer did not, in an order by chance that can be repeated."""
    told = [d for d in not_taken_back(decisions) if d.opinion.kind is Kind.SIGHTING]
    own = {d.opinion.subject for d in told if d.opinion.reviewer == reviewer}
    others = dict.fromkeys(d.opinion.subject for d in told if d.opinion.reviewer != reviewer)

    def chance(subject: str) -> bytes:
        return sha256(f"{blind_round}:{subject}".encode()).digest()

    return [Entry(Kind.SIGHTING, subject) for subject in sorted(set(others) - own, key=chance)]
