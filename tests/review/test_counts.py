from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from survey.errors import InputError
from survey.review import (
    Draw,
    Kind,
    Opinion,
    ReviewStore,
    SiteCounts,
    Status,
    draw_tiles,
    searched_tiles,
    site_counts,
    standing,
    tile_at,
    tile_box,
)
from tests.review.opinions import opinion

SEARCHED = shapely.box(500_000, 4_400_000, 500_100, 4_400_050)


def test_a_tile_is_named_by_its_corner() -> None:
    assert tile_at(500_059.9, 4_400_030) == "tile-10-E500050-N4400030"
    assert tile_at(-0.1, -10) == "tile-10-E-10-N-10"
    assert tile_box("tile-10-E500050-N4400030").bounds == (500_050, 4_400_030, 500_060, 4_400_040)
    assert tile_box(tile_at(12_345_678.9, 3.0)).covers(shapely.Point(12_345_678.9, 3.0))
    for name in ("", "tile-10-E5", "tile-10-E1-N1'; DROP TABLE decisions", "tile-1e5-E0-N0", "../x"):
        with pytest.raises(InputError, match="no tile"):
            tile_box(name)


def test_tiles_lie_on_searched_ground_only() -> None:
    tiles = searched_tiles(SEARCHED.difference(shapely.box(500_000, 4_400_000, 500_034, 4_400_050)))
    assert len(tiles) == 7 * 5
    assert tiles[0] == "tile-10-E500030-N4400040"
    assert all(SEARCHED.covers(tile_box(t)) for t in tiles)
    assert searched_tiles(shapely.Polygon()) == []


def test_a_draw_is_repeatable_grows_and_is_fair() -> None:
    tiles = searched_tiles(SEARCHED)
    sighted = {tiles[3], tiles[20], "tile-10-E0-N0"}

    def draw(share: float, seed: int = 1) -> tuple[Draw, Draw]:
        return draw_tiles(tiles, sighted, share=share, least=2, seed=seed, run_id="r1")

    empty, with_one = draw(0.25)
    assert (empty.population, with_one.population) == (48, 2)
    assert len(empty.tiles) == len(set(empty.tiles)) == 12
    assert set(with_one.tiles) == {tiles[3], tiles[20]}
    assert draw(0.25) == (empty, with_one)
    assert draw(0.5)[0].tiles[:12] == empty.tiles
    often = np.zeros(50)
    for seed in range(400):
        often[[tiles.index(t) for t in draw(0.25, seed)[0].tiles]] += 1
    assert often[[n for n in range(50) if n not in {3, 20}]].min() > 60
    assert often.max() < 145


def counted(tmp_path: Path, opinions: Sequence[Opinion], items: dict[str, str], draws: Sequence[Draw]) -> SiteCounts:
    with ReviewStore(tmp_path) as store:
        for each in opinions:
            store.add(each)
        return site_counts(standing(store.decisions()), items, draws, searched_ha=0.5)


def looked_at(tile: str, status: Status = Status.TILE_REVIEWED) -> Opinion:
    return opinion(tile, status, kind=Kind.TILE, label=None, size_m=None)


def test_counts_of_drawn_tiles_weighted_by_their_share(tmp_path: Path) -> None:
    tiles = searched_tiles(SEARCHED)
    draws = [Draw("r1", 1, "empty", 40, 10.0, tuple(tiles[:8])), Draw("r1", 1, "sighted", 10, 10.0, tuple(tiles[40:]))]
    items = {"d1": tiles[40], "d2": tiles[40], "d3": tiles[41], "d4": tiles[42], "d9": tiles[43]}
    x, y = tile_box(tiles[0]).centroid.coords[0]
    outside = tile_box(tiles[9]).centroid
    missed: dict[str, Any] = {"kind": Kind.MISSED, "label": "ap_mine"}
    found = counted(
        tmp_path,
        [
            *(looked_at(t) for t in (*tiles[:7], *tiles[40:44], tiles[9])),
            looked_at(tiles[7], Status.UNSURE),
            opinion("d1"),
            opinion("d2", Status.REJECTED),
            opinion("d3", Status.UNSURE),
            opinion("d4"),
            opinion("m1", Status.MISSED_ITEM, x=x, y=y, **missed),
            opinion("m2", Status.MISSED_ITEM, x=outside.x, y=outside.y, **missed),  # not in a drawn tile
        ],
        items,
        draws,
    )
    empty, sighted = found.strata
    assert (empty.reviewed, empty.missed, empty.not_judged) == (7, 1, 1)
    assert (sighted.reviewed, sighted.found, sighted.false_alarms, sighted.unknown) == (3, 2, 1, 1)  # d9 is open
    assert found.recall.value == pytest.approx((2 * 10 / 3) / (2 * 10 / 3 + 40 / 7))
    assert found.recall.low < (found.recall.value or 0) < found.recall.high
    assert found.false_alarms_ha == pytest.approx(0.5 * 3 / 10)
    assert found.false_alarms_per_ha.value == pytest.approx(1 / 0.15)


def test_without_a_look_at_unsighted_tiles_recall_is_not_known(tmp_path: Path) -> None:
    tiles = searched_tiles(SEARCHED)
    draws = [Draw("r1", 1, "empty", 49, 10.0, (tiles[0],)), Draw("r1", 1, "sighted", 1, 10.0, (tiles[40],))]
    found = counted(tmp_path, [looked_at(tiles[40]), opinion("d1")], {"d1": tiles[40]}, draws)
    assert (found.recall.value, found.recall.low, found.recall.high) == (None, 0.0, 1.0)
    assert found.recall_beta is None
    assert found.false_alarms_per_ha.value == 0
    assert found.false_alarms_per_ha.high == pytest.approx(3.689 / 0.5, rel=1e-3)


def test_the_interval_of_recall_covers() -> None:
    from survey.review.counts import StratumCount, _site

    rng = np.random.default_rng(11)
    inside, rounds = 0, 200
    for _ in range(rounds):
        # 900 unsighted tiles with 0.02 missed items each, 100 sighted ones with 0.8 found and 0.1 missed
        empty = StratumCount("empty", 900, 150, 0, 0, int(rng.poisson(0.02 * 150)), 0, 0)
        sighted = StratumCount("sighted", 100, 60, int(rng.poisson(0.8 * 60)), 5, int(rng.poisson(0.1 * 60)), 0, 0)
        recall = _site((empty, sighted), 10.0).recall
        inside += recall.low <= 80 / (80 + 10 + 18) <= recall.high
    assert inside >= 0.91 * rounds  # 95 % wanted; fewer than 182 of 200 has a chance of 1 %


def test_the_beta_has_the_recalls_mean_and_spread(tmp_path: Path) -> None:
    from survey.review.counts import StratumCount, _site

    found = _site((StratumCount("empty", 10, 10, 0, 0, 0, 0, 0), StratumCount("sighted", 10, 10, 40, 0, 10, 0, 0)), 1.0)
    assert found.recall_beta is not None
    a, b = found.recall_beta
    assert a / (a + b) == pytest.approx(40.5 / 51.5, abs=0.005)
    assert 40 < a + b < 60
