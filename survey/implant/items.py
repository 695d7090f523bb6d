"""The simulated items that are laid: item n is the same on every ground, so that grounds are compared by the same."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.simulate import ITEMS, Sprite, Sun, render_item

SEED = 20_417
"""Decides every draw."""
ALGORITHM = 1
"""Raise it when the same ground shall be laid with other items, or they are counted otherwise: counts of different
numbers are not compared."""


def _balanced(kinds: list[str]) -> tuple[str, ...]:
    """Return kinds ordered so that few of them hold small and large ones as all do (van der Corput's sequence)."""
    by_size = sorted(kinds, key=lambda kind: (ITEMS[kind].size_m, kind))
    bits = max(1, (len(kinds) - 1).bit_length())
    turned = [int(f"{n:0{bits}b}"[::-1], 2) for n in range(2**bits)]
    return tuple(by_size[n] for n in turned if n < len(kinds))


KINDS = _balanced(list(ITEMS))
"""Item n is of kind n modulo their number."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Of one image."""

    image_m: float
    """GSD of its own pixels, metres."""
    working_m: float
    """GSD that it is searched at, metres."""
    halo_px: int
    """Working pixels read around what is searched."""


def implant(number: int, scale: Scale) -> tuple[Sprite, np.random.Generator]:
    """Return item `number` at the working GSD, as sharp as the image shows things, and what decides how it is laid.

    It is rendered at the image's own GSD and enlarged as the reader enlarges the image, for what is sharper than its
    ground is told by that alone.
    """
    rng = np.random.default_rng([SEED, number])
    gsd_m = max(scale.image_m, scale.working_m)
    sprite = render_item(KINDS[number % len(KINDS)], gsd_m=gsd_m, sun=Sun.sample(rng), rng=rng)
    # The number of draws that rendering takes depends on the GSD; exposure and dust shall not.
    return enlarged(sprite, gsd_m / scale.working_m), np.random.default_rng([SEED, number, 1])


def enlarged(sprite: Sprite, factor: float) -> Sprite:
    """Return a sprite with `factor` pixels (at least 1) for each of its own along an edge, interpolated."""
    height, width = sprite.alpha.shape
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    if size == (width, height):
        return sprite
    layers = np.dstack([sprite.rgb * sprite.alpha[..., None], sprite.alpha, sprite.shadow]).astype(np.float32)
    large: NDArray[np.float32] = np.asarray(cv2.resize(layers, size, interpolation=cv2.INTER_LINEAR), np.float32)
    alpha = large[..., 3]
    colour = np.clip(large[..., :3] / np.maximum(alpha, 1e-3)[..., None], 0, 255)
    center = (sprite.center[0] * size[1] / height, sprite.center[1] * size[0] / width)
    return replace(
        sprite, rgb=np.rint(colour).astype(np.uint8), alpha=alpha.copy(), shadow=large[..., 4].copy(), center=center
    )
