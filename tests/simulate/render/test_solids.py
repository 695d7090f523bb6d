"""Solids are closed, look outwards and hold the volume that geometry says; cutting them finer changes neither."""

from collections import Counter

import numpy as np
import pytest

from survey.simulate.render.draw import Draw
from survey.simulate.render.materials import OLIVE
from survey.simulate.render.mesh import Solid, aligned, refined
from survey.simulate.render.pose import posed
from survey.simulate.render.solids import ball, box, extruded, fins, lathe, ribbon, rod, slab, tube

L_SHAPE = [(0.0, 0.0), (2.0, 0.0), (2.0, 1.0), (1.0, 1.0), (1.0, 2.0), (0.0, 2.0)]
LINE = np.column_stack([np.zeros(5), np.zeros(5), np.linspace(0, 2, 5)])
CIRCLE = 20 * np.sin(2 * np.pi / 40)  # area of a circle of 40 facets
TEN = 5 * np.sin(2 * np.pi / 10)
SOLIDS = {
    "rod": (rod(1, 0, 2, OLIVE), 2 * CIRCLE),
    "cone": (lathe([(1, 0), (0, 3)], OLIVE), CIRCLE),
    "prism": (lathe([(1, 0), (1, 2)], OLIVE, segments=10), 2 * TEN),
    "box": (box(2, 3, 4, OLIVE), 24.0),
    "slab": (slab(2, 3, 4, OLIVE, corner=0), 24.0),
    "L": (extruded(L_SHAPE, -1, 1, OLIVE), 6.0),
    "fins": (fins([(1, 0), (2, 0), (2, 3), (1, 3)], 4, 0.1, OLIVE), 1.2),
    "tube": (tube(LINE, 1.0, OLIVE), 2 * TEN),
    "ribbon": (ribbon(LINE + np.eye(3)[0], LINE - np.eye(3)[0], OLIVE, thickness=0.5), 2.0),
    "ball": (ball(1, OLIVE), 4 / 3 * np.pi),
}


def volume(solid: Solid) -> float:
    a, b, c = solid.triangles.transpose(1, 0, 2)
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def open_edges(solid: Solid) -> int:
    """Count edges that no neighbour runs along the other way."""
    corners = [[tuple(np.round(p, 9) + 0.0) for p in t] for t in solid.triangles]
    edges = Counter((t[k], t[(k + 1) % 3]) for t in corners for k in range(3))
    return sum(abs(n - edges[b, a]) for (a, b), n in edges.items())


@pytest.mark.parametrize("name", SOLIDS)
def test_solids_are_closed_and_hold_their_volume(name: str) -> None:
    solid, expected = SOLIDS[name]
    assert open_edges(solid) == 0
    assert volume(solid) == pytest.approx(expected, rel=0.02 if name == "ball" else 1e-6)


def test_cutting_finer_keeps_the_volume_and_leaves_no_long_edge() -> None:
    fine = refined(SOLIDS["L"][0], edge_m=0.3)
    assert volume(fine) == pytest.approx(6)
    assert np.linalg.norm(fine.triangles[:, [1, 2, 0]] - fine.triangles, axis=2).max() <= 0.3


def test_turning_one_way_into_another_is_a_rotation() -> None:
    for source, target in (([0, 0, 1], [0, 0, -1]), ([1, 2, 3], [-1, 0, 2]), ([1, 0, 0], [1, 0, 0])):
        a, b = np.array(source, float), np.array(target, float)
        turn = aligned(a, b)
        assert np.allclose(turn @ turn.T, np.eye(3))
        assert np.linalg.det(turn) == pytest.approx(1)
        assert np.allclose(turn @ a / np.linalg.norm(a), b / np.linalg.norm(b))


def test_a_rod_on_its_flank_lies_flat_and_upside_down_is_a_half_turn() -> None:
    for seed in range(5):
        draw = Draw(np.random.default_rng(seed))
        assert posed(rod(0.05, 0, 0.5, OLIVE), "side", draw).tilt_deg == pytest.approx(90, abs=15)
        assert posed(rod(0.05, 0, 0.5, OLIVE), "down", draw).tilt_deg > 160
    with pytest.raises(ValueError, match="there is no pose 'flying'"):
        posed(rod(0.05, 0, 0.5, OLIVE), "flying", draw)
