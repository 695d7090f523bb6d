"""Solids that ordnance and litter are put together from. Metres; axes of revolution stand along z."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from survey.simulate.render.materials import Material
from survey.simulate.render.mesh import Points, Solid, aligned, ring

SEGMENTS = 40
"""Facets around a body: 9 degrees each, which no sprite of 128 pixels shows."""
Profile = Sequence[tuple[float, float]]


def lathe(profile: Profile, material: Material, *, segments: int = SEGMENTS, close: bool = True) -> Solid:
    """Return a body of revolution about z.

    Args:
        profile: (radius, z) from the bottom to the top of the outside.
        material: Of all of it.
        segments: Facets around it; a small number gives a prism.
        close: Cap both ends with discs. Otherwise it ends where the profile does, as a thin shell.
    """
    points = np.array(profile, np.float64)
    if close:
        points = np.concatenate([[[0.0, points[0, 1]]], points, [[0.0, points[-1, 1]]]])
    angle = np.arange(segments + 1) * (2 * np.pi / segments)
    angle[-1] = 0.0  # exactly the first again: no seam
    grid = np.stack(
        [
            points[:, None, 0] * np.cos(angle),
            points[:, None, 0] * np.sin(angle),
            np.broadcast_to(points[:, None, 1], (len(points), segments + 1)),
        ],
        axis=-1,
    )
    return Solid.of(quads(grid), material)


def quads(grid: Points) -> Points:
    """Return the triangles of an (i, j, 3) grid of points; seen from outside, j runs counter-clockwise, i upwards."""
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]
    return np.concatenate([np.stack([a, b, c], 2).reshape(-1, 3, 3), np.stack([a, c, d], 2).reshape(-1, 3, 3)])


def rod(radius: float, low: float, high: float, material: Material, *, bevel: float = 0.0) -> Solid:
    """Return an upright cylinder from z = low to high with bevelled rims."""
    outline = [(radius, low), (radius, high)]
    if bevel:
        outline = [(radius - bevel, low), (radius, low + bevel), (radius, high - bevel), (radius - bevel, high)]
    return lathe(outline, material, segments=SEGMENTS if radius > 0.012 else 16)


def box(length: float, width: float, height: float, material: Material, *, bevel: float = 0.0) -> Solid:
    """Return a block on z = 0, length along x, its middle over the origin; `bevel` cuts all its edges."""
    a, b = length / 2, width / 2
    if not bevel:
        return extruded([(-a, -b), (a, -b), (a, b), (-a, b)], 0, height, material)
    return slab(length, width, height, material, corner=bevel, bevel=bevel)


def slab(length: float, width: float, height: float, material: Material, *, corner: float, bevel: float = 0.0) -> Solid:
    """Return a block with rounded corners (radius `corner`) and bevelled upper and lower rims."""
    rims = (
        [(bevel, 0.0), (0.0, bevel), (0.0, height - bevel), (bevel, height)] if bevel else [(0.0, 0.0), (0.0, height)]
    )
    rows = []
    for inset, z in rims:
        outline = rounded(length - 2 * inset, width - 2 * inset, max(corner - inset, 0.0))
        rows.append(np.column_stack([outline, np.full(len(outline), z)]))
    low, high = rows[0].mean(0), rows[-1].mean(0)
    grid = np.stack([np.broadcast_to(low, rows[0].shape), *rows, np.broadcast_to(high, rows[0].shape)])
    return Solid.of(quads(np.concatenate([grid, grid[:, :1]], 1)), material)


def rounded(length: float, width: float, corner: float) -> Points:
    """Return the (24, 2) outline of a rectangle with rounded corners, counter-clockwise."""
    quarter = np.linspace(0, np.pi / 2, 6)
    parts = []
    for k, (sx, sy) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        angle = quarter + k * np.pi / 2
        middle = np.array([sx * (length / 2 - corner), sy * (width / 2 - corner)])
        parts.append(middle + corner * np.column_stack([np.cos(angle), np.sin(angle)]))
    return np.concatenate(parts)


def extruded(outline: Sequence[tuple[float, float]] | Points, low: float, high: float, material: Material) -> Solid:
    """Return a prism over an outline (counter-clockwise; it need not be convex) from z = low to high."""
    points = np.asarray(outline, np.float64)
    closed = np.concatenate([points, points[:1]])
    wall = quads(np.stack([np.column_stack([closed, np.full(len(closed), z)]) for z in (low, high)]))
    flat = _filled(points)
    top = np.concatenate([flat, np.full((*flat.shape[:2], 1), high)], 2)
    bottom = np.concatenate([flat[:, ::-1], np.full((*flat.shape[:2], 1), low)], 2)
    return Solid.of(np.concatenate([wall, top, bottom]), material)


def plate(outline: Sequence[tuple[float, float]] | Points, thickness: float, material: Material) -> Solid:
    """Return a plate standing in the x-z plane, `thickness` along y; the outline is (x, z), counter-clockwise."""
    return extruded(outline, -thickness / 2, thickness / 2, material).turned("x", 90)


def fins(outline: Sequence[tuple[float, float]], count: int, thickness: float, material: Material) -> Solid:
    """Return plates around z; the outline of one is (radius, z), counter-clockwise."""
    return ring(plate(outline, thickness, material), np.arange(count) * 360 / count)


def tube(path: Points, radius: float | NDArray[np.float64], material: Material, *, sides: int = 10) -> Solid:
    """Return a round rod, wire or branch along an (n, 3) path; the radius may change along it."""
    path = np.asarray(path, np.float64)
    radii = np.broadcast_to(np.asarray(radius, np.float64), len(path))
    ahead = np.gradient(path, axis=0)
    angle = np.arange(sides + 1) * (2 * np.pi / sides)
    angle[-1] = 0.0
    circle = np.stack([np.cos(angle), np.sin(angle), np.zeros(sides + 1)], 1)
    frame, heading, rows = np.eye(3), np.array([0.0, 0, 1]), [np.broadcast_to(path[0], circle.shape)]
    for point, size, step in zip(path, radii, ahead, strict=True):
        frame = aligned(heading, step) @ frame  # carried along, so that it does not twist
        heading = step
        rows.append(point + size * circle @ frame.T)
    rows.append(np.broadcast_to(path[-1], circle.shape))
    return Solid.of(quads(np.stack(rows)), material)


def ribbon(left: Points, right: Points, material: Material, *, thickness: float = 0.0006) -> Solid:
    """Return a strip of cloth, tape or leaf between two (n, 3) lines, thick enough to have two sides."""
    across = np.cross(right - left, np.gradient((left + right) / 2, axis=0))
    up = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12) * thickness / 2
    loop = np.stack([left + up, left - up, right - up, right + up, left + up], 1)
    ends = np.concatenate([np.repeat(loop[:1].mean(1, keepdims=True), 5, 1), loop,
                           np.repeat(loop[-1:].mean(1, keepdims=True), 5, 1)])  # fmt: skip
    return Solid.of(quads(ends)[:, ::-1], material)


def ball(radius: float, material: Material, *, rows: int = 20, segments: int = SEGMENTS) -> Solid:
    """Return a sphere about the origin."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, rows)
    outline = [(radius * float(np.cos(a)), radius * float(np.sin(a))) for a in angle]
    return lathe([(max(r, 0.0), z) for r, z in outline], material, segments=segments, close=False)


def _filled(outline: Points) -> Points:
    """Return the (m, 3, 2) triangles inside an outline, by cutting ears."""
    left = list(range(len(outline)))
    triangles = []
    while len(left) > 3:
        for k in range(len(left)):
            a, b, c = left[k - 1], left[k], left[(k + 1) % len(left)]
            others = outline[[i for i in left if i not in (a, b, c)]]
            if _cross(outline[a], outline[b], outline[c]) > 0 and not _inside(others, outline[[a, b, c]]).any():
                break
        triangles.append(outline[[left[k - 1], left[k], left[(k + 1) % len(left)]]])
        del left[k]
    return np.array([*triangles, outline[left]])


def _cross(a: Points, b: Points, c: Points) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def _inside(points: Points, corner: Points) -> NDArray[np.bool_]:
    """Tell which points lie strictly inside a counter-clockwise triangle."""
    sides = []
    for k in range(3):
        a, b = corner[k], corner[(k + 1) % 3]
        sides.append((b[0] - a[0]) * (points[:, 1] - a[1]) - (b[1] - a[1]) * (points[:, 0] - a[0]) > 1e-12)
    return np.asarray(np.logical_and.reduce(sides), np.bool_)
