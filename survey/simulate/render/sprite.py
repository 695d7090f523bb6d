"""One sprite: a thing built, worn, laid, sunk, lit and looked at from above."""

from dataclasses import dataclass
from math import ceil, cos, radians, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.simulate.render.bank import BankSprite
from survey.simulate.render.catalogue import KINDS
from survey.simulate.render.draw import Draw
from survey.simulate.render.kind import Kind
from survey.simulate.render.mesh import Solid, normals_of, refined
from survey.simulate.render.pose import posed
from survey.simulate.render.sky import Light
from survey.simulate.render.soil import relief
from survey.simulate.render.tracer import Scene, Traced, trace
from survey.simulate.render.weather import Weather, linear, skinned

EXTENT_PX = 72
"""Pixels along a thing's longest extent: sprites of things up to 0.7 m are reduced to 1 cm imagery, not enlarged."""
MOST_OFF_NADIR_DEG = 12.0
"""Frames see that obliquely towards their edges."""
_FADE_PX = 9
_SKY_BLUR_PX = 2.0
LONGEST_SHADOW = 1.6
"""Of a thing's extent; what is longer leaves the picture."""
_SOILS = ((150, 128, 100), (172, 150, 118), (128, 106, 84), (186, 166, 136), (112, 92, 74), (120, 118, 92))


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """A sprite and how it came about."""

    sprite: BankSprite
    pose: str
    tilt_deg: float
    sunk: float
    """Share of its height below the soil's level."""
    off_nadir_deg: float


def render_sprite(kind: str, *, rng: np.random.Generator, extent_px: int = EXTENT_PX) -> Rendered:
    """Render one thing in a random make, state, pose and light.

    Colours are exposed so that flat matt grey of albedo 0.22 is stored as 110 to 130 (see `Light.exposed`).

    Args:
        kind: A key of `KINDS`.
        rng: Decides everything; the same state gives the same sprite on the same machine.
        extent_px: Pixels along its longest extent seen from above.

    Raises:
        ValueError: The kind is unknown.
        ConfigError: Mitsuba is not installed.
    """
    if kind not in KINDS:
        msg = f"cannot render '{kind}': kinds are {', '.join(KINDS)}"
        raise ValueError(msg)
    spec, draw = KINDS[kind], Draw(rng)
    laid = posed(_varied(spec, draw), draw.pick(spec.poses), draw)
    sunk = 0.0 if draw.chance(0.35) else spec.deepest * float(rng.beta(1.1, 2.0))
    if laid.pose == "stuck":
        sunk = draw.between(0.2, 0.55)
    whole = laid.solid
    solid = whole.moved(z=-sunk * whole.extent[2])
    soil = _SOILS[int(rng.integers(len(_SOILS)))]
    light = Light.drawn(rng)
    scene = _scene(solid, soil=soil, sunk_m=sunk * float(whole.extent[2]), extent_px=extent_px, light=light, rng=rng)
    traced = trace(scene, light, seed=int(rng.integers(1 << 31)))
    flat = outline_px(scene)
    sprite = _sprite(kind, spec, scene=scene, traced=traced, light=light, size_m=_longest(whole), whole_px=flat)
    return Rendered(sprite, laid.pose, laid.tilt_deg, sunk, float(np.degrees(np.arccos(scene.view[2]))))


def outline_px(scene: Scene) -> float:
    """Return how many pixels the thing would cover for the same camera if there were no soil."""
    east = np.array([scene.view[2], 0.0, -scene.view[0]]) / np.hypot(scene.view[0], scene.view[2])
    north = np.cross(scene.view, east)
    points = (scene.triangles @ np.column_stack([east, north]) / scene.gsd_m * 8).round().astype(np.int32)
    low = points.reshape(-1, 2).min(axis=0)
    extent = points.reshape(-1, 2).max(axis=0) - low + 1
    mask = np.zeros((int(extent[1]), int(extent[0])), np.uint8)
    for triangle in points - low:
        cv2.fillConvexPoly(mask, triangle, 1)
    mask = cv2.erode(mask, np.ones((2, 2), np.uint8))  # OpenCV fills the rim's cells too
    return float(mask.sum()) / 64


def _varied(spec: Kind, draw: Draw) -> Solid:
    """Return the thing as built, its proportions a little off those of the type."""
    factors = [1 + spec.spread * float(draw.rng.uniform(-1, 1)) for _ in range(2)]
    return spec.build(draw).scaled(factors[0], factors[0], factors[1])


def _longest(solid: Solid) -> float:
    """Return the longest extent seen from above, metres."""
    points = np.unique(np.round(solid.triangles.reshape(-1, 3)[:, :2], 4), axis=0)
    ways = np.array([[cos(a), sin(a)] for a in np.linspace(0, np.pi, 36, endpoint=False)])
    return float(np.ptp(points @ ways.T, axis=0).max())


def _scene(
    solid: Solid, *, soil: tuple[int, int, int], sunk_m: float, extent_px: int, light: Light, rng: np.random.Generator
) -> Scene:
    size_m = _longest(solid)
    gsd_m = size_m / extent_px
    fine = refined(solid, edge_m=size_m / 40)
    normals = np.repeat(normals_of(fine.triangles), 3, axis=0)
    albedo = tuple(float(v) for v in linear(soil))
    red, green, blue = albedo
    weather = Weather.drawn(rng, (red, green, blue))
    skin = skinned(
        fine.triangles.reshape(-1, 3),
        normals,
        np.repeat(fine.material, 3),
        fine.materials,
        weather=weather,
        size_m=size_m,
        rng=rng,
    )
    points, faces = relief(solid, sunk_m=sunk_m, rng=rng)
    off, way = radians(float(rng.uniform(0, MOST_OFF_NADIR_DEG))), float(rng.uniform(0, 2 * np.pi))
    view = np.array([sin(off) * cos(way), sin(off) * sin(way), cos(off)])
    center, shape = _framed(solid, light, view=view, gsd_m=gsd_m)
    return Scene(fine.triangles, skin, points, faces, (red, green, blue), view, center, gsd_m, shape)


def _framed(
    solid: Solid, light: Light, *, view: NDArray[np.float64], gsd_m: float
) -> tuple[tuple[float, float], tuple[int, int]]:
    """Return the middle (x, y) and the shape of a picture that holds the thing and its shadow."""
    corners = solid.triangles.reshape(-1, 3)
    seen = corners[:, :2] - corners[:, 2:] * view[:2] / view[2]
    reach = 0.25 * float(np.hypot(*solid.extent[:2])) if light.overcast else 0.0
    low, high = seen.min(axis=0) - reach, seen.max(axis=0) + reach
    if not light.overcast:
        length = min(float(solid.high[2]) / light.sun.slope, LONGEST_SHADOW * float(np.hypot(*solid.extent[:2])))
        away = -light.toward[:2] / np.linalg.norm(light.toward[:2]) * length
        cast = corners[:, :2] + away * np.clip(corners[:, 2:] / max(float(solid.high[2]), 1e-6), 0, 1)
        low, high = np.minimum(low, cast.min(axis=0)), np.maximum(high, cast.max(axis=0))
    margin = (4 + _FADE_PX) * gsd_m
    middle, extent = (low + high) / 2, high - low + 2 * margin
    shape = (ceil(float(extent[1]) / gsd_m), ceil(float(extent[0]) / gsd_m))
    return (float(middle[0]), float(middle[1])), shape


def _sprite(  # noqa: PLR0913 - the parts of a sprite
    kind: str, spec: Kind, *, scene: Scene, traced: Traced, light: Light, size_m: float, whole_px: float
) -> BankSprite:
    """Part what the camera got into the thing, its cover and what it takes of the ground's light."""
    cover = np.clip(traced.cover, 0, 1)
    flat = np.array(scene.soil_albedo) / np.pi
    bare = (cover < 0.02).astype(np.float32)
    # What the sky gives changes slowly over the ground; its noise would be a pattern that only rendered things have.
    sun_kept, sky_kept = ((part / flat).mean(axis=2).astype(np.float32) for part in (traced.sun, traced.sky))
    smooth = cv2.GaussianBlur(bare, (0, 0), _SKY_BLUR_PX) + 1e-6
    kept = sun_kept + cv2.GaussianBlur(sky_kept * bare, (0, 0), _SKY_BLUR_PX) / smooth
    # Under and beside the thing the ground's light is taken from the bare ground around.
    weight = cv2.GaussianBlur(bare, (0, 0), 2.5) + 1e-4
    around = cv2.GaussianBlur((kept * bare).astype(np.float32), (0, 0), 2.5) / weight
    light_left = np.clip(np.where(bare > 0, kept, around), 0, 1)
    ground = light_left[..., None] * flat
    thing = (traced.sun + traced.sky - ground * (1 - cover[..., None])) / np.maximum(cover, 0.25)[..., None]
    rgb = light.exposed(np.maximum(thing, 0))
    shadow = np.clip(1 - light_left, 0, 1)
    shadow *= _fading(shadow.shape)
    shadow[shadow < 0.03] = 0
    rows, cols = scene.shape
    center = (rows / 2 + scene.center[1] / scene.gsd_m, cols / 2 - scene.center[0] / scene.gsd_m)
    return BankSprite(
        rgb=rgb,
        alpha=cover.astype(np.float32),
        shadow=shadow.astype(np.float32),
        class_name=spec.class_name,
        kind=kind,
        size_m=size_m,
        gsd_m=scene.gsd_m,
        sun_azimuth_deg=light.sun.azimuth_deg,
        sun_elevation_deg=light.sun.elevation_deg,
        overcast=light.overcast,
        visible=float(np.clip(cover.sum() / max(whole_px, 1.0), 0, 1)),
        center=_middle(cover, center),
    )


def _fading(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return (h, w) weights that fall to 0 at the picture's edge: what is pasted must not show where it ends."""
    down, across = (np.minimum(np.arange(n) + 0.5, n - np.arange(n) - 0.5) / _FADE_PX for n in shape)
    return np.asarray(np.clip(np.minimum(down[:, None], across[None, :]), 0, 1), np.float64)


def _middle(cover: NDArray[np.float64], otherwise: tuple[float, float]) -> tuple[float, float]:
    """Return the middle (row, col) of the box around what shows, as an annotator would draw it."""
    rows, cols = np.nonzero(cover > 0.3)
    if not len(rows):
        return otherwise
    return (float(rows.min() + rows.max() + 1) / 2, float(cols.min() + cols.max() + 1) / 2)
