"""Craters, trenches and dug patches as height fields over the whole plane, around their centre."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from survey.simulate.noise import Coordinates, fractal_noise

Field = NDArray[np.float32]
Points = NDArray[np.floating[Any]]
_FAR = 4.0
"""Metres from the middle of a trench beyond which the ground is as it was."""


class Ground(NamedTuple):
    """What an earthwork does to each place."""

    height: Field
    """Change in height, metres."""
    bare: Field
    """Share of the surface that is turned soil instead of what lay there, 0 to 1."""
    mask: NDArray[np.bool_]
    """The disturbed area itself, without its fringe."""


class Earthwork(Protocol):
    """A structure in the ground. Coordinates are metres south (y) and east (x) of its centre."""

    @property
    def reach_m(self) -> float:
        """Distance from the centre beyond which nothing changes."""

    @property
    def relief_m(self) -> float:
        """Difference between its highest and lowest place."""

    def shadow_m(self, slope: float) -> float:
        """Return its longest shadow under a sun that climbs `slope` metres over a metre."""

    def shape(self, y: Coordinates, x: Coordinates) -> Ground:
        """Return its effect at the crossings of `y` (n,) and `x` (m,), each (n, m)."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A wobbly circle: radius as a function of direction."""

    radius_m: float
    amplitudes: tuple[float, ...]
    """Of the harmonics from the second on, in shares of the radius."""
    phases: tuple[float, ...]

    @classmethod
    def sample(cls, radius_m: float, *, rough: float, rng: np.random.Generator) -> "Outline":
        """Draw six harmonics that fade with their order."""
        fading = rough / np.arange(1, 7) ** 0.7
        return cls(radius_m, tuple(rng.normal(0, fading).tolist()), tuple(rng.uniform(0, 2 * np.pi, 6).tolist()))

    def relative(self, y: Points, x: Points) -> tuple[Field, Field]:
        """Return distance from the centre in shares of the outline's radius there, and the direction."""
        angle = np.arctan2(y, x).astype(np.float32)
        radius = np.ones_like(angle)
        for order, (amplitude, phase) in enumerate(zip(self.amplitudes, self.phases, strict=True), start=2):
            radius += np.float32(amplitude) * np.cos(order * angle + np.float32(phase))
        distance = np.hypot(y, x).astype(np.float32)
        share = (distance / (self.radius_m * np.maximum(radius, 0.4))).astype(np.float32)
        return share, angle


@dataclass(frozen=True, slots=True)
class Crater:
    """A bowl with a raised rim and a blanket of ejecta thrown out in rays."""

    outline: Outline
    depth_m: float
    fresh: float
    """1 is new; 0 is slumped and overgrown."""
    rays: tuple[float, ...]
    """Phases of the ray pattern."""
    seed: int

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "Crater":
        """Draw a crater 0.8 to 8 m across, small ones more often, 0.15 to 0.3 as deep as wide."""
        diameter = float(np.exp(rng.uniform(np.log(0.8), np.log(8))))
        fresh = float(rng.uniform(0.15, 1))
        depth = diameter * (0.15 + 0.15 * fresh * float(rng.uniform(0.3, 1)))
        outline = Outline.sample(diameter / 2, rough=0.05, rng=rng)
        rays = tuple(rng.uniform(0, 2 * np.pi, 5).tolist())
        return cls(outline, depth, fresh, rays, int(rng.integers(1 << 31)))

    @property
    def reach_m(self) -> float:
        """Distance from the centre beyond which nothing changes."""
        return 2.8 * self.outline.radius_m

    @property
    def relief_m(self) -> float:
        """Difference between its highest and lowest place."""
        return 1.35 * self.depth_m

    def shadow_m(self, slope: float) -> float:
        """Return its longest shadow under a sun that climbs `slope` metres over a metre."""
        return min(self.relief_m / slope, 2 * self.outline.radius_m + 0.3 * self.depth_m / slope)

    def shape(self, y: Coordinates, x: Coordinates) -> Ground:
        """Return its effect at the crossings of `y` and `x`."""
        south, east = _crossings(y, x)
        s, angle = self.outline.relative(south, east)
        blobs = fractal_noise(y, x, cell=0.5 * self.outline.radius_m, octaves=4, seed=self.seed)
        clods = fractal_noise(y, x, cell=0.14, octaves=3, seed=self.seed + 1)
        depth, rim = np.float32(self.depth_m), np.float32(self.depth_m * (0.14 + 0.16 * self.fresh))
        inside = np.clip(1 - s, 0, None)
        # The floor is flatter than a parabola in old craters, where the walls have slid down.
        bowl = -(depth + rim) * (1 - np.minimum(s, 1) ** np.float32(1.7 + (1 - self.fresh)))
        lip = rim * np.exp(-(((s - 1.0) / np.where(s > 1, 0.32, 0.2)) ** 2))
        height = bowl + lip + np.float32(0.07) * depth * blobs * np.exp(-((s / 1.2) ** 4))
        fade = np.clip(1.5 - s / 2, 0, 1)
        height += (
            np.float32(0.012 + 0.02 * self.fresh * min(1.0, self.depth_m)) * clods * np.minimum(fade, inside + 0.7)
        )
        rays = sum(
            (np.cos((5 + 3 * n) * angle + np.float32(phase)) for n, phase in enumerate(self.rays)), np.float32(0)
        )
        thrown = np.exp(-np.clip(s - 1.05, 0, None) / (0.4 + 0.065 * rays)) * np.clip(1.7 - s / 2, 0, 1)
        bare = (0.25 + 0.7 * self.fresh) * np.clip(thrown + 0.35 * blobs * np.float32(1.2 - self.fresh), 0, 1)
        fade = np.clip(2.6 - s, 0, 1)
        return Ground((height * fade).astype(np.float32), (bare * fade).astype(np.float32), s < 1.12)


@dataclass(frozen=True, slots=True)
class Trench:
    """A zig-zag fighting trench with its spoil thrown up along both sides."""

    points: tuple[tuple[float, float], ...]
    """(y, x) of the bends in metres from the centre."""
    width_m: float
    depth_m: float
    parapets_m: tuple[float, float]
    """Height of the spoil on either side."""
    fresh: float
    seed: int

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "Trench":
        """Draw a trench 0.6 to 1.5 m wide and 12 to 50 m long, bent every 3 to 7 m."""
        heading, bend, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 0.75), rng.uniform(12, 50)
        steps, side = [np.zeros(2)], 1
        while length > 0:
            leg, side = rng.uniform(3, 7), -side
            angle = heading + side * bend * rng.uniform(0.7, 1.2)
            steps.append(leg * np.array([np.sin(angle), np.cos(angle)]))
            length -= leg
        points = np.cumsum(steps, axis=0)
        points -= (points.min(axis=0) + points.max(axis=0)) / 2
        fresh = float(rng.uniform(0.2, 1))
        depth = float(rng.uniform(0.5, 1.0) + 0.6 * fresh)
        parapets = (float(rng.uniform(0.15, 0.5)), float(rng.uniform(0.15, 0.5)))
        bends = tuple((float(y), float(x)) for y, x in points)
        return cls(bends, float(rng.uniform(0.6, 1.5)), depth, parapets, fresh, int(rng.integers(1 << 31)))

    @property
    def reach_m(self) -> float:
        """Distance from the centre beyond which nothing changes."""
        return float(np.hypot(*np.array(self.points).T).max()) + self.width_m / 2 + 2.2

    @property
    def relief_m(self) -> float:
        """Difference between its highest and lowest place."""
        return self.depth_m + 1.6 * max(self.parapets_m)

    def shadow_m(self, slope: float) -> float:
        """Return its longest shadow under a sun that climbs `slope` metres over a metre."""
        return min(self.relief_m / slope, self.width_m + 1.6 * max(self.parapets_m) / slope + 0.3)

    def shape(self, y: Coordinates, x: Coordinates) -> Ground:
        """Return its effect at the crossings of `y` and `x`."""
        south, east = _crossings(y, x)
        distance, side = self._distance(south, east)
        half = np.float32(self.width_m / 2)
        ragged = fractal_noise(y, x, cell=0.9, octaves=4, seed=self.seed)
        lumps = fractal_noise(y, x, cell=1.4, octaves=3, seed=self.seed + 1)
        clods = fractal_noise(y, x, cell=0.16, octaves=3, seed=self.seed + 2)
        out = distance + np.float32(0.09) * ragged - half
        wall = np.float32(0.16 + 0.3 * (1 - self.fresh)) * half + np.float32(0.05)
        cut = -np.float32(self.depth_m) * np.clip(-out / wall, 0, 1)
        left, right = self.parapets_m
        heap = np.where(side > 0, np.float32(left), np.float32(right)) * np.clip(1 + 0.45 * lumps, 0.2, 1.6)
        bank = np.exp(-(((out - 0.5) / np.where(out > 0.5, 0.5, 0.26)) ** 2))
        near = np.clip(2.0 - out, 0, 1)
        height = cut + heap * bank * (out > 0) + np.float32(0.025) * clods * np.clip(bank + (out < 0), 0, 1)
        bare = (0.35 + 0.6 * self.fresh) * np.clip(1.25 - np.clip(out - 0.6, 0, None) / 0.7 + 0.3 * ragged, 0, 1) * near
        return Ground(height.astype(np.float32), np.clip(bare, 0, 1).astype(np.float32), out < 0.85)

    def _distance(self, south: Field, east: Field) -> tuple[Field, Field]:
        """Return the distance to the centre line and on which side of it a place lies (sign)."""
        nearest = np.full(np.broadcast_shapes(south.shape, east.shape), _FAR**2, np.float32)
        side = np.zeros_like(nearest)
        for (y0, x0), (y1, x1) in zip(self.points, self.points[1:], strict=False):
            apart_y = max(float(south.min()) - max(y0, y1), min(y0, y1) - float(south.max()))
            apart_x = max(float(east.min()) - max(x0, x1), min(x0, x1) - float(east.max()))
            if max(apart_y, apart_x) > _FAR:
                continue
            leg = np.array([y1 - y0, x1 - x0], np.float32)
            along = ((south - np.float32(y0)) * leg[0] + (east - np.float32(x0)) * leg[1]) / (leg @ leg)
            along = np.clip(along, 0, 1)
            dy, dx = south - np.float32(y0) - along * leg[0], east - np.float32(x0) - along * leg[1]
            square = dy * dy + dx * dx
            closer = square < nearest
            nearest = np.where(closer, square, nearest)
            side = np.where(closer, dx * leg[0] - dy * leg[1], side)
        return np.sqrt(nearest), side


@dataclass(frozen=True, slots=True)
class DugPatch:
    """A hole dug and filled again: loose, cloddy, slightly mounded or sunken."""

    outline: Outline
    mound_m: float
    clods_m: float
    stretch: tuple[float, float]
    """Direction (radians) and length over width."""
    fresh: float
    seed: int

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "DugPatch":
        """Draw a patch 0.2 to 1.5 m across."""
        radius = 0.5 * float(np.exp(rng.uniform(np.log(0.25), np.log(1.4))))
        outline = Outline.sample(radius, rough=0.09, rng=rng)
        mound = radius * float(rng.uniform(-0.05, 0.2))
        stretch = (float(rng.uniform(0, np.pi)), float(rng.uniform(1, 1.5)))
        clods = float(rng.uniform(0.006, 0.02))
        return cls(outline, mound, clods, stretch, float(rng.uniform(0.4, 1)), int(rng.integers(1 << 31)))

    @property
    def reach_m(self) -> float:
        """Distance from the centre beyond which nothing changes."""
        return 2.2 * self.outline.radius_m

    @property
    def relief_m(self) -> float:
        """Difference between its highest and lowest place."""
        return abs(self.mound_m) + 4 * self.clods_m

    def shadow_m(self, slope: float) -> float:
        """Return its longest shadow under a sun that climbs `slope` metres over a metre."""
        return self.relief_m / slope

    def shape(self, y: Coordinates, x: Coordinates) -> Ground:
        """Return its effect at the crossings of `y` and `x`."""
        south, east = _crossings(y, x)
        turn, longer = self.stretch
        cos, sin, grow = np.float32(np.cos(turn)), np.float32(np.sin(turn)), np.float32(longer**0.5)
        s, _ = self.outline.relative((south * cos - east * sin) * grow, (east * cos + south * sin) / grow)
        ragged = fractal_noise(y, x, cell=0.6 * self.outline.radius_m, octaves=4, seed=self.seed)
        clods = fractal_noise(y, x, cell=0.09, octaves=3, seed=self.seed + 1)
        edge = s + np.float32(0.16) * ragged
        loose = np.clip((1.22 - edge) / 0.3, 0, 1)
        height = np.float32(self.mound_m) * np.clip(1 - s * s, 0, 1) + np.float32(self.clods_m) * clods * loose
        height += np.float32(0.6 * self.clods_m) * np.exp(-(((edge - 1) / 0.15) ** 2)) * (1 + ragged)
        crumbs = np.clip(0.9 * (1.9 - s), 0, 1) * (clods > 0.75) * np.float32(0.6)
        bare = np.float32(self.fresh) * np.maximum(loose, crumbs)
        return Ground(height.astype(np.float32), bare.astype(np.float32), edge < 1.08)


def _crossings(y: Coordinates, x: Coordinates) -> tuple[Field, Field]:
    """Return (n, 1) and (1, m) in float32."""
    return y.astype(np.float32)[:, None], x.astype(np.float32)[None, :]
