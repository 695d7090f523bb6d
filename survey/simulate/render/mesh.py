"""Triangle meshes as plain arrays: made, moved, joined and cut finer with numpy alone."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.simulate.render.materials import Material

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """Triangles, each of one material. Metres; z is up in the posture that the thing is built in."""

    triangles: Points
    """(m, 3, 3): corners of each triangle, counter-clockwise seen from outside."""
    material: NDArray[np.intp]
    """(m,): index into `materials`."""
    materials: tuple[Material, ...]

    def __post_init__(self) -> None:
        if self.triangles.ndim != 3 or self.triangles.shape[1:] != (3, 3) or len(self.material) != len(self.triangles):
            msg = f"a mesh needs (m, 3, 3) corners and m materials, got {self.triangles.shape} and {len(self.material)}"
            raise ValueError(msg)

    @classmethod
    def of(cls, triangles: Points, material: Material) -> "Solid":
        """Return triangles of one material; those without an area are dropped."""
        triangles = np.asarray(triangles, np.float64).reshape(-1, 3, 3)
        triangles = triangles[_areas(triangles) > 1e-14]
        return cls(triangles, np.zeros(len(triangles), np.intp), (material,))

    @property
    def low(self) -> Points:
        """(3,): smallest x, y, z."""
        return np.asarray(self.triangles.reshape(-1, 3).min(0))

    @property
    def high(self) -> Points:
        """(3,): largest x, y, z."""
        return np.asarray(self.triangles.reshape(-1, 3).max(0))

    @property
    def extent(self) -> Points:
        """(3,): lengths along x, y, z."""
        return self.high - self.low

    def moved(self, x: float = 0, y: float = 0, z: float = 0) -> "Solid":
        """Return it shifted, metres."""
        return self.with_corners(self.triangles + np.array([x, y, z]))

    def turned(self, axis: str, degrees: float) -> "Solid":
        """Return it turned about the x, y or z axis, counter-clockwise seen from the axis' tip."""
        return self.mapped(rotation(axis, degrees))

    def scaled(self, x: float, y: float | None = None, z: float | None = None) -> "Solid":
        """Return it stretched by positive factors; y and z follow x unless given."""
        return self.with_corners(self.triangles * np.array([x, x if y is None else y, x if z is None else z]))

    def mapped(self, matrix: Points) -> "Solid":
        """Return it under a (3, 3) matrix that keeps its handedness."""
        return self.with_corners(self.triangles @ matrix.T)

    def with_corners(self, corners: Points) -> "Solid":
        """Return it with other corners, shaped (m, 3, 3) or (3 m, 3)."""
        return Solid(corners.reshape(-1, 3, 3), self.material, self.materials)

    def grounded(self) -> "Solid":
        """Return it with its lowest point at z = 0 and the middle of its outline over the origin."""
        middle = (self.low + self.high) / 2
        return self.moved(-middle[0], -middle[1], -self.low[2])


def joined(*solids: Solid) -> Solid:
    """Return solids as one, each with its own materials."""
    materials: list[Material] = []
    index: list[NDArray[np.intp]] = []
    for solid in solids:
        index.append(solid.material + len(materials))
        materials.extend(solid.materials)
    return Solid(np.concatenate([s.triangles for s in solids]), np.concatenate(index), tuple(materials))


def ring(solid: Solid, angles_deg: Iterable[float]) -> Solid:
    """Return copies of a solid turned about z."""
    return joined(*(solid.turned("z", angle) for angle in angles_deg))


def rotation(axis: str, degrees: float) -> Points:
    """Return the (3, 3) rotation about a coordinate axis, counter-clockwise seen from its tip."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = cosine
    matrix[first, second], matrix[second, first] = -sine, sine
    return matrix


def aligned(source: Points, target: Points) -> Points:
    """Return a (3, 3) rotation that takes direction `source` to direction `target` (Rodrigues)."""
    a, b = source / np.linalg.norm(source), target / np.linalg.norm(target)
    axis, cosine = np.cross(a, b), float(a @ b)
    if cosine < -0.999999:  # half a turn about any axis across the source
        across = np.cross(a, [1.0, 0, 0] if abs(a[0]) < 0.9 else [0, 1.0, 0])
        across /= np.linalg.norm(across)
        return np.asarray(2 * np.outer(across, across) - np.eye(3))
    skew = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.asarray(np.eye(3) + skew + skew @ skew / (1 + cosine))


def refined(solid: Solid, *, edge_m: float, limit: int = 60_000) -> Solid:
    """Return it with triangles halved across their longest edge until none is longer than `edge_m`.

    Colours are held at corners, so texture needs corners close together.

    Args:
        solid: What is cut.
        edge_m: Longest edge allowed, metres.
        limit: The number of triangles at which cutting ends, whatever their size.
    """
    done, rest, tags_done, tags = [], solid.triangles, [], solid.material
    total = len(rest)
    while len(rest) and total < limit:
        lengths = np.linalg.norm(rest[:, [1, 2, 0]] - rest, axis=2)
        fine = lengths.max(1) <= edge_m
        done.append(rest[fine])
        tags_done.append(tags[fine])
        rest, tags, longest = rest[~fine], tags[~fine], lengths[~fine].argmax(1)
        rest, tags = _halved(rest, longest), np.repeat(tags, 2)
        total = sum(map(len, done)) + len(rest)
    return Solid(np.concatenate([*done, rest]), np.concatenate([*tags_done, tags]), solid.materials)


def normals_of(triangles: Points) -> Points:
    """Return the (m, 3) unit normals of triangles."""
    normal = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    return np.asarray(normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30))


def _halved(triangles: Points, longest: NDArray[np.intp]) -> Points:
    rows = np.arange(len(triangles))
    a, b, c = (triangles[rows, (longest + k) % 3] for k in range(3))
    middle = (a + b) / 2
    halves = np.stack([np.stack([a, middle, c], 1), np.stack([middle, b, c], 1)], 1)
    return halves.reshape(-1, 3, 3)


def _areas(triangles: Points) -> Points:
    across = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    return np.asarray(np.linalg.norm(across, axis=1) / 2)
