"""Value noise over the whole plane, hashed from a seed: no arrays are kept, any window can be asked for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Coordinates = NDArray[np.floating[Any]]
GAIN = 0.58
"""Strength of each octave relative to the one twice as coarse: rough, as worn and natural surfaces are."""
_DENSE = 160
"""Up to this many lattice columns, interpolation as two matrix products is faster than picking neighbours."""


def hashed(rows: NDArray[np.int64], cols: NDArray[np.int64], *, seed: int) -> NDArray[np.float32]:
    """Return a uniform number in [0, 1) for every integer lattice point (rows x cols)."""
    mask = np.uint64(0xFFFFFFFF)
    r = rows.astype(np.uint64)[:, None] * np.uint64(0x9E3779B1) & mask
    c = cols.astype(np.uint64)[None, :] * np.uint64(0x85EBCA77) & mask
    x = (r ^ (c + np.uint64((seed * 0xC2B2AE3D + 0x27D4EB2F) & 0xFFFFFFFF))) & mask
    for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor) & mask
    x ^= x >> np.uint64(15)
    return (x >> np.uint64(8)).astype(np.float32) / np.float32(1 << 24)


def value_noise(rows: Coordinates, cols: Coordinates, *, seed: int) -> NDArray[np.float32]:
    """Return smooth noise in [-1, 1] at the crossings of `rows` and `cols`, in lattice units.

    Args:
        rows: (n,) ascending coordinates.
        cols: (m,) ascending coordinates.
        seed: Another seed is another plane.

    Returns:
        (n, m), a pure function of the coordinates: windows that overlap agree where they do.
    """
    row0, row_weight = _cells(rows)
    col0, col_weight = _cells(cols)
    lattice = hashed(np.arange(row0[0], row0[-1] + 2), np.arange(col0[0], col0[-1] + 2), seed=seed) * 2 - 1
    row0 -= row0[0]
    col0 -= col0[0]
    if lattice.shape[1] <= _DENSE:
        across: NDArray[np.float32] = _weights(row0, row_weight, lattice.shape[0]) @ lattice
        return across @ _weights(col0, col_weight, lattice.shape[1]).T
    lines = lattice[row0] * (1 - row_weight)[:, None] + lattice[row0 + 1] * row_weight[:, None]
    left, right = lines[:, col0], lines[:, col0 + 1]
    return left + (right - left) * col_weight[None, :]


def fractal_noise(rows: Coordinates, cols: Coordinates, *, cell: float, octaves: int, seed: int) -> NDArray[np.float32]:
    """Return noise in about [-1, 1] whose largest blobs are `cell` wide, in the coordinates' unit.

    Octaves finer than the spacing of `rows` are left out: they would only alias.
    """
    total = np.zeros((len(rows), len(cols)), np.float32)
    weight, norm = 1.0, 0.0
    finest = 1.5 * float(rows[1] - rows[0]) if len(rows) > 1 else 0.0
    for octave in range(octaves):
        if octave and cell / 2**octave < finest:
            break
        # Odd shifts keep the lattices of the octaves from lining up, which would show as a grid.
        scale, shift = 2**octave / cell, 17.37 * octave
        total += np.float32(weight) * value_noise(rows * scale + shift, cols * scale - shift, seed=seed + 101 * octave)
        norm += weight * weight
        weight *= GAIN
    return total / np.float32(norm**0.5)


def _cells(at: Coordinates) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the lattice cell of each coordinate and a smooth weight for the next one."""
    cell = np.floor(at)
    part = (at - cell).astype(np.float32)
    return cell.astype(np.int64), part * part * (3 - 2 * part)


def _weights(cell: NDArray[np.int64], weight: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return the interpolation as a matrix (len(cell), size)."""
    matrix = np.zeros((len(cell), size), np.float32)
    at = np.arange(len(cell))
    matrix[at, cell] = 1 - weight
    matrix[at, cell + 1] = weight
    return matrix
