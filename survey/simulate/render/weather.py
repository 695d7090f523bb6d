"""Weathering: fading, chips, rust, dust, mud and lichen as colours at the corners of a mesh."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from survey.simulate.render.materials import Material
from survey.simulate.render.mesh import Points

Field = NDArray[np.float64]


class Skin(NamedTuple):
    """Surface at n corners."""

    colour: Field
    """(n, 3) linear albedo, 0 to 1."""
    rough: Field
    """(n,)"""
    metal: Field
    """(n,)"""


@dataclass(frozen=True, slots=True)
class Weather:
    """How one item has fared. All shares are 0 to 1."""

    fade: float
    chips: float
    rust: float
    dust: float
    mud: float
    lichen: float
    soil: tuple[float, float, float]
    """Linear albedo of the soil that lies on it."""

    @classmethod
    def drawn(cls, rng: np.random.Generator, soil: tuple[float, float, float]) -> "Weather":
        """Draw the state of an item: one in four nearly new, the rest worn to any degree."""
        worn = 0.15 if rng.random() < 0.25 else 1.0
        fade, chips, rust, dust, mud = rng.beta([1.2, 1.1, 1.0, 1.2, 0.7], [2.0, 2.0, 2.0, 1.8, 2.4]) * worn
        return cls(fade, chips, rust, dust, mud, float(rng.random() < 0.06) * rng.uniform(0.2, 0.7), soil)


class Noise:
    """Smooth noise in space, made of random lattices; about standard normal."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._lattice = rng.standard_normal((16, 16, 16))
        self._shift = rng.uniform(0, 16, (8, 3))

    def __call__(self, points: Points, *, cell: float, octaves: int = 3, first: int = 0) -> Field:
        """Return (n,) values at (n, 3) points; `cell` is the coarsest spacing, `first` picks another field."""
        total, weight = np.zeros(len(points)), 0.0
        for octave in range(octaves):
            place = points / cell * 2**octave + self._shift[(first + octave) % 8]
            share = 0.6**octave
            total += share * map_coordinates(self._lattice, place.T, order=1, mode="grid-wrap")
            weight += share**2
        return np.asarray(total * 1.6 / np.sqrt(weight))


def skinned(  # noqa: PLR0913 - one array a property of the corners
    points: Points,
    normals: Points,
    material: NDArray[np.intp],
    materials: tuple[Material, ...],
    *,
    weather: Weather,
    size_m: float,
    rng: np.random.Generator,
) -> Skin:
    """Return the weathered surface of an item.

    Args:
        points: (n, 3) corners as the item lies: z is the height above the soil, metres.
        normals: (n, 3).
        material: (n,) index into `materials`.
        materials: What it is made of.
        weather: Its state.
        size_m: Longest extent, to which the size of stains is tied.
        rng: Decides the patterns.
    """
    noise = Noise(rng)
    colour, rough, metal = _clean(materials, rng=rng)
    colour, rough, metal = colour[material], rough[material], metal[material]
    broad, fine = noise(points, cell=0.35 * size_m), noise(points, cell=0.1 * size_m, first=3)
    tiny = noise(points, cell=0.035 * size_m, octaves=2, first=5)
    mottle = np.array([m.mottle for m in materials])[material]
    colour = colour * np.exp(mottle * (0.6 * broad + 0.6 * fine + 0.4 * tiny))[:, None]
    fade = np.clip(weather.fade * np.array([m.fades for m in materials])[material] * (1 + 0.4 * broad), 0, 0.9)
    pale = 0.5 * colour.mean(1, keepdims=True) + 0.5 * colour + 0.06
    colour = _mixed(colour, pale, fade)
    colour, rough, metal = _corroded(colour, rough, metal, _worn(materials, material, weather, (broad, fine, tiny)))
    up = np.clip(normals[:, 2], 0, 1)
    low = np.exp(-np.maximum(points[:, 2], 0) / (0.06 * size_m + 0.01))
    dust = np.clip(weather.dust * (0.75 * up + 0.5 * low + 0.1) * (1 + 0.5 * broad + 0.3 * fine), 0, 0.9)
    mud = _step(0.5 * broad + 0.6 * fine + 0.9 * low + 2.6 * weather.mud - 2.6, 0.25) * min(1.0, 4 * weather.mud)
    soil = np.array(weather.soil) * np.exp(0.1 * fine)[:, None]
    cover = 1 - (1 - dust) * (1 - 0.92 * mud)
    colour = _mixed(colour, soil, cover)
    lichen = _step(fine - 1.9 + 1.2 * weather.lichen, 0.1) * (weather.lichen > 0) * up
    colour = _mixed(colour, np.array([0.32, 0.34, 0.24]), 0.8 * lichen)
    cover = np.maximum(cover, lichen)
    return Skin(np.clip(colour, 0.004, 0.9), np.clip(rough + (0.95 - rough) * cover, 0.12, 1), metal * (1 - cover))


def linear(colour: tuple[float, float, float] | NDArray[np.generic]) -> Field:
    """Return linear light, 0 to 1, of sRGB colours 0 to 255 (IEC 61966-2-1)."""
    value = np.asarray(colour, np.float64) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _clean(materials: tuple[Material, ...], *, rng: np.random.Generator) -> tuple[Field, Field, Field]:
    """Return albedo (k, 3), roughness (k,) and metal (k,) of this item's materials; equal ones stay equal."""
    drawn: dict[Material, Field] = {}
    for material in materials:
        if material not in drawn:
            tone = np.exp(material.varies * (rng.standard_normal() + 0.35 * rng.standard_normal(3)))
            drawn[material] = linear(material.colour) * tone
    rough = np.array([m.rough for m in materials])
    return np.array([drawn[m] for m in materials]), rough, np.array([m.metal for m in materials])


class _Wear(NamedTuple):
    chipped: Field
    under: Field
    rusty: Field
    rust_colour: Field


def _worn(
    materials: tuple[Material, ...], material: NDArray[np.intp], weather: Weather, noise: tuple[Field, Field, Field]
) -> _Wear:
    broad, fine, tiny = noise
    chips = np.array([m.under is not None for m in materials])[material]
    under = np.array([linear(m.under or m.colour) for m in materials])[material]
    chipped = chips * _step(0.4 * broad + 0.6 * fine + 0.7 * tiny + 3.4 * weather.chips - 3.0, 0.12)
    rusts = np.array([m.rusts for m in materials])[material]
    spread = 0.7 * broad + 0.7 * fine + 0.5 * tiny + 3.6 * weather.rust - 2.8
    rusty = rusts * np.maximum(_step(spread, 0.4), chipped * _step(fine + 2.5 * weather.rust - 0.6, 0.4))
    dark, bright = linear((74, 48, 38)), linear((142, 84, 46))
    mix = np.clip(0.45 + 0.25 * tiny + 0.2 * fine, 0, 1)[:, None]
    return _Wear(chipped, under, rusty, dark + (bright - dark) * mix)


def _corroded(colour: Field, rough: Field, metal: Field, wear: _Wear) -> tuple[Field, Field, Field]:
    colour = _mixed(colour, wear.under, wear.chipped)
    metal = metal + (0.6 - metal) * wear.chipped
    colour = _mixed(colour, wear.rust_colour, wear.rusty)
    return colour, rough + (0.92 - rough) * wear.rusty, metal * (1 - wear.rusty)


def _mixed(first: Field, second: Field, share: Field) -> Field:
    return first + (second - first) * share[:, None]


def _step(value: Field, width: float) -> Field:
    """Return 0 below, 1 above 0, with a soft edge."""
    return np.clip(value / (2 * width) + 0.5, 0, 1)
