"""How things come to lie: resting on a face, upside down, leaning, or stuck in the ground."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull

from survey.simulate.render.draw import Draw
from survey.simulate.render.mesh import Points, Solid, aligned, rotation

UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True)
class Posed:
    """A solid as it lies, before it is buried: lowest point at z = 0, middle over the origin."""

    solid: Solid
    tilt_deg: float
    """Angle between the axis it was built along and the vertical."""
    pose: str


def posed(solid: Solid, pose: str, draw: Draw) -> Posed:
    """Return the solid in one of the poses.

    Args:
        solid: As built, axis along z.
        pose: `up` as built, `down` upside down, `side` on its flank, `rest` any stable way, `lean` upright but
            10 to 35 degrees off, `stuck` nose down in the ground and the tail in the air.
        draw: Decides yaw and the rest.

    Raises:
        ValueError: There is no such pose.
    """
    uneven = draw.rng.normal(0, 2.5, 2)
    match pose:
        case "up":
            turn = np.eye(3)
        case "down":
            turn = rotation("x", 180)
        case "side":
            turn = _settled(solid, _flank(draw.rng), draw.rng)
        case "rest":
            turn = _settled(solid, draw.rng.standard_normal(3), draw.rng)
        case "lean":
            turn = rotation("x", draw.between(10, 35))
        case "stuck":
            turn = rotation("x", 180 + draw.between(-42, 42))
        case _:
            msg = f"there is no pose '{pose}'; poses are up, down, side, rest, lean, stuck"
            raise ValueError(msg)
    turn = rotation("z", draw.rng.uniform(0, 360)) @ rotation("y", uneven[1]) @ rotation("x", uneven[0]) @ turn
    tilt = float(np.degrees(np.arccos(np.clip(turn[2, 2], -1, 1))))
    return Posed(solid.mapped(turn).grounded(), tilt, pose)


def _flank(rng: np.random.Generator) -> Points:
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle), 0.0])


def _settled(solid: Solid, down: Points, rng: np.random.Generator) -> Points:
    """Return the turn that lays a solid on the stable face nearest to `down`, a direction in its own frame.

    A face of the convex hull is stable where the foot of the perpendicular from the centre of mass lies on it.
    The middle of the surface stands in for the centre of mass.
    """
    points = np.unique(np.round(solid.triangles.reshape(-1, 3), 5), axis=0)
    if len(points) > 4000:
        points = points[rng.permutation(len(points))[:4000]]
    size = float(np.ptp(points, axis=0).max())
    hull = ConvexHull(points, qhull_options="QJ Pp")
    corners = solid.triangles
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    centre = (corners.mean(1) * area[:, None]).sum(0) / area.sum()
    normals, offsets = hull.equations[:, :3], hull.equations[:, 3]
    distance = -(normals @ centre + offsets)
    feet = centre + distance[:, None] * normals
    outside = (normals @ feet.T + offsets[:, None]).max(0)
    stable = outside <= 0.004 * size
    if not stable.any():
        stable = distance <= distance.min()
    likeness = normals @ (down / np.linalg.norm(down))
    return aligned(normals[np.where(stable, likeness, -2).argmax()], -UP)
