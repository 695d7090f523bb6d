"""Height fields of ordnance lying on flat ground, seen from above, in metres.

A shape is asked at points (u, v): u along its longest axis, v across it, the origin in its middle.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
OUTSIDE = np.float32(-1)
"""Height where a shape is not."""


class Relief(NamedTuple):
    """What a shape is at each point asked for."""

    height: Field
    """Metres above the ground it lies on; `OUTSIDE` where the shape is not."""
    part: NDArray[np.uint8]
    """Number of the part, for its paint."""


Shape = Callable[[Field, Field], Relief]
Profile = Sequence[tuple[float, float]]


def turned(profile: Profile, *, parts: Sequence[float] = ()) -> Shape:
    """Return an upright body of revolution.

    Args:
        profile: (radius, height) from the middle outwards; the last radius is the edge.
        parts: Radii at which the next part begins.
    """
    radii, heights = np.array(profile, np.float32).T

    def shape(u: Field, v: Field) -> Relief:
        radius = np.hypot(u, v)
        height = np.interp(radius, radii, heights).astype(np.float32)
        height[radius > radii[-1]] = OUTSIDE
        return Relief(height, np.searchsorted(np.array(parts, np.float32), radius).astype(np.uint8))

    return shape


def lying(profile: Profile, *, parts: Sequence[float] = ()) -> Shape:
    """Return a body of revolution on its side, tail at negative u, nose at positive u.

    Args:
        profile: (u, radius) from tail to nose.
        parts: Values of u at which the next part begins.
    """
    along, radii = np.array(profile, np.float32).T
    axis = radii.max()

    def shape(u: Field, v: Field) -> Relief:
        radius = np.interp(u, along, radii, left=0, right=0).astype(np.float32)
        inside = radius**2 - v**2
        height = np.where(inside > 0, axis + np.sqrt(np.maximum(inside, 0)), OUTSIDE)
        return Relief(height, np.searchsorted(np.array(parts, np.float32), u).astype(np.uint8))

    return shape


def fins(start: float, end: float, *, span: float, axis: float, count: int) -> Shape:
    """Return flat tail fins around an axis `axis` above the ground, from u = start to end; span is their radius.

    The rear third is square; towards the nose the fins are swept down to nothing.
    """
    angles = [np.pi * (k + 0.5) * 2 / count for k in range(count) if (k + 0.5) * 2 / count < 1]

    def shape(u: Field, v: Field) -> Relief:
        reach = np.interp(u, [start, start + 0.45 * (end - start), end], [span, span, 0.35 * span]).astype(np.float32)
        height = np.full(u.shape, OUTSIDE, np.float32)
        along = (u >= start) & (u <= end)
        for angle in angles:
            side, up = np.cos(angle), np.sin(angle)
            distance = v / side if abs(side) > 0.12 else np.where(np.abs(v) < 0.05 * span, reach, -1)
            on = along & (distance > 0) & (distance <= reach)
            height = np.where(on, np.maximum(height, axis + distance * np.float32(up)), height)
        return Relief(height.astype(np.float32), np.zeros(u.shape, np.uint8))

    return shape


def box(bounds: tuple[float, float, float, float], height: float) -> Shape:
    """Return a block over u0, u1, v0, v1."""
    u0, u1, v0, v1 = bounds

    def shape(u: Field, v: Field) -> Relief:
        on = (u >= u0) & (u <= u1) & (v >= v0) & (v <= v1)
        return Relief(np.where(on, np.float32(height), OUTSIDE), np.zeros(u.shape, np.uint8))

    return shape


def moved(member: Shape, u0: float, v0: float) -> Shape:
    """Return a shape whose middle lies at (u0, v0)."""

    def shape(u: Field, v: Field) -> Relief:
        return member(u - np.float32(u0), v - np.float32(v0))

    return shape


def joined(*members: tuple[Shape, int]) -> Shape:
    """Return shapes put together; where they overlap the highest shows. Part numbers are shifted by the int."""

    def shape(u: Field, v: Field) -> Relief:
        first, shift = members[0]
        height, part = first(u, v)
        part = part + np.uint8(shift)
        for member, shift in members[1:]:
            other = member(u, v)
            higher = other.height > height
            height = np.where(higher, other.height, height)
            part = np.where(higher, other.part + np.uint8(shift), part)
        return Relief(height, part)

    return shape


def cross(arm: float, radius: float, height: float) -> Shape:
    """Return a raised plus sign, arms `arm` wide and `radius` long, as on pressure plates."""

    def shape(u: Field, v: Field) -> Relief:
        on = ((np.abs(u) < arm / 2) | (np.abs(v) < arm / 2)) & (np.hypot(u, v) < radius)
        return Relief(np.where(on, np.float32(height), OUTSIDE), np.zeros(u.shape, np.uint8))

    return shape


def star(points: int, inner: float, outer: float, *, height: float, edge: float) -> Shape:
    """Return petals around the middle, `outer` long, sloping from `height` inside to `edge` at their tips."""

    def shape(u: Field, v: Field) -> Relief:
        radius, angle = np.hypot(u, v), np.arctan2(v, u)
        spread = 2 * np.pi / points
        off = np.abs((angle + spread / 2) % spread - spread / 2) * radius
        half = np.interp(radius, [0, inner, outer * 0.8, outer], [inner, inner * 0.42, inner * 0.3, inner * 0.12])
        on = (off < half) & (radius < outer)
        slope = np.interp(radius, [inner, outer], [height, edge]).astype(np.float32)
        return Relief(np.where(on, slope, OUTSIDE), np.zeros(u.shape, np.uint8))

    return shape


def butterfly(length: float, width: float) -> Shape:
    """Return a wing mine: a bulged lobe, a thin ribbed wing, and a tube across between them."""

    def shape(u: Field, v: Field) -> Relief:
        s, t = u / np.float32(length / 2), v / np.float32(width / 2)
        # The lobe is egg-shaped and sits off the axis; the wing is longer, flat and rounded at its end.
        lobe = 1 - ((s - 0.46) / 0.54) ** 2 - ((t - 0.12 + 0.1 * s) / 0.86) ** 2
        taper = 0.78 + 0.3 * s
        wing = 1 - (np.abs(s + 0.4) / 0.6) ** 2.2 - (np.abs(t + 0.08 - 0.25 * s) / np.maximum(taper + 0.25, 0.3)) ** 2.2
        tube = (np.abs(s) < 0.13) & (np.abs(t) < 0.97)
        height = np.where(wing > 0, np.float32(0.0045) + 0.0005 * np.sin(np.float32(20) * t), OUTSIDE)
        height = np.where(lobe > 0, np.maximum(height, 0.005 + 0.0165 * np.sqrt(np.maximum(lobe, 0))), height)
        round_tube = 0.011 + 0.007 * np.sqrt(np.maximum(1 - (s / 0.13) ** 2, 0))
        height = np.where(tube, np.maximum(height, round_tube), height)
        return Relief(height.astype(np.float32), (tube & (np.abs(t) > 0.72)).astype(np.uint8))

    return shape


def ribbon(start: float, end: float, *, width: float, wave: float) -> Shape:
    """Return a strip of cloth lying in a curve along u."""

    def shape(u: Field, v: Field) -> Relief:
        along = (u - start) / np.float32(end - start)
        middle = wave * np.sin(np.float32(5.2) * along) * np.clip(along * 2, 0, 1)
        on = (along >= 0) & (along <= 1) & (np.abs(v - middle) < width / 2)
        height = 0.004 + 0.006 * np.sin(np.float32(7) * along + 20 * v) ** 2
        return Relief(np.where(on, height, OUTSIDE).astype(np.float32), np.zeros(u.shape, np.uint8))

    return shape
