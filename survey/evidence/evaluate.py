"""Put the layers together, cell by cell, in the order of their dates.

The density of a group starts as the background's Gamma. In the order of dates, a source adds an independent density
(superposition: additive in the rate), and a thinning multiplies what is there by 1 - recall x field (additive in the
log rate). With mean m and mean square q of the density so far:

    source    m' = m + s,        q' = q + 2 m s + E[source^2]
    thinning  m' = m E[f],       q' = q E[f^2]

which is exact, since layers are independent. The shape is m^2 / (q - m^2).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.evidence.cells import CellWindow
from survey.evidence.config import EvidenceConfig
from survey.evidence.groups import GROUPS
from survey.evidence.layers import Prepared, Source, Thinning, prepare
from survey.evidence.prior import DIRECT, INDIRECT, Prior
from survey.values import HectareGrid

Array = NDArray[np.float64]
WINDOW = 512
"""Edge of a window in cells; nothing depends on it but memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The prior of one window; arrays (rows, cols)."""

    window: CellWindow
    rate: dict[str, Array]
    shape: dict[str, Array]
    contributions: dict[str, dict[str, Array]]
    evidence_class: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Layers that were read and brought onto a grid."""

    config: EvidenceConfig
    grid: HectareGrid
    layers: tuple[Prepared, ...]
    """In order of date; of one day, sources before thinnings."""

    @classmethod
    def of(cls, config: EvidenceConfig, grid: HectareGrid) -> "Evaluation":
        """Read every layer.

        Raises:
            InputError: A file is missing or is no vector file.
            ConfigError: A file lacks what the configuration names.
        """
        order = sorted(config.layers, key=lambda entry: (entry.date, config.class_of(entry) is None))
        return cls(config, grid, tuple(prepare(entry, grid) for entry in order))

    def windows(self, edge: int = WINDOW) -> Iterator[Part]:
        """Yield the prior window by window, in reading order."""
        for row in range(0, self.grid.rows, edge):
            for col in range(0, self.grid.cols, edge):
                rows, cols = min(edge, self.grid.rows - row), min(edge, self.grid.cols - col)
                yield self.part(CellWindow(row, col, rows, cols))

    def part(self, window: CellWindow) -> Part:
        """Return the prior of one window."""
        belief = _Belief.from_background(self.config, (window.rows, window.cols))
        contributions: dict[str, dict[str, Array]] = {}
        evidence_class = np.zeros((window.rows, window.cols), np.uint8)
        for layer in self.layers:
            before = {group: belief.mean[group].copy() for group in GROUPS}
            for part in layer.parts:
                belief.take(part, window, least=self.config.used_land_leaves)
            change = {group: belief.mean[group] - before[group] for group in GROUPS}
            contributions[layer.entry.name] = change
            ranked = self.config.class_of(layer.entry)
            if ranked is not None and layer.parts:
                notable = sum(change.values()) >= self.config.notable_items_per_ha
                rank = DIRECT if ranked == "direct" else INDIRECT
                evidence_class = np.maximum(evidence_class, np.where(notable, rank, 0).astype(np.uint8))
        shape = {g: belief.mean[g] ** 2 / (belief.square[g] - belief.mean[g] ** 2) for g in GROUPS}
        return Part(window, belief.mean, shape, contributions, evidence_class)


def evaluate(config: EvidenceConfig, grid: HectareGrid, *, edge: int = WINDOW) -> Prior:
    """Return the prior of every cell of a grid, held in memory.

    Args:
        config: The layers, from `load_evidence`.
        grid: Cells of 1 ha.
        edge: Cells along a window; decides memory, not results.

    Raises:
        InputError: A layer's file is missing or is no vector file.
        ConfigError: A file lacks what the configuration names.
    """
    evaluation = Evaluation.of(config, grid)
    rate, shape = ({g: np.empty(grid.shape, np.float32) for g in GROUPS} for _ in range(2))
    names = [layer.entry.name for layer in evaluation.layers]
    contributions = {name: {g: np.zeros(grid.shape, np.float32) for g in GROUPS} for name in names}
    evidence_class = np.empty(grid.shape, np.uint8)
    for part in evaluation.windows(edge):
        w = part.window
        here = np.s_[w.row : w.row + w.rows, w.col : w.col + w.cols]
        evidence_class[here] = part.evidence_class
        for group in GROUPS:
            rate[group][here], shape[group][here] = part.rate[group], part.shape[group]
            for name in names:
                contributions[name][group][here] = part.contributions[name][group]
    background = {g: config.background[g].items_per_ha for g in GROUPS}
    reports = {layer.entry.name: layer.report for layer in evaluation.layers}
    return Prior(grid, rate, shape, background, contributions, evidence_class, reports)


@dataclass(slots=True)
class _Belief:
    """Mean and mean square of the density by group, as layer after layer is taken in."""

    mean: dict[str, Array]
    square: dict[str, Array]
    left: dict[str, Array]
    """Share that evidence of absence has left so far."""

    @classmethod
    def from_background(cls, config: EvidenceConfig, shape: tuple[int, int]) -> "_Belief":
        start = {g: config.background[g] for g in GROUPS}
        mean = {g: np.full(shape, start[g].items_per_ha) for g in GROUPS}
        square = {g: np.full(shape, start[g].items_per_ha ** 2 * (1 + 1 / start[g].shape)) for g in GROUPS}
        return cls(mean, square, {g: np.ones(shape) for g in GROUPS})

    def take(self, part: Source | Thinning, window: CellWindow, *, least: float) -> None:
        """Take in a source or a thinning."""
        moments = part.field.moments(window)
        if moments is None:
            return
        field, field_square = moments
        if isinstance(part, Source):
            for group, density in part.mean.items():
                added = density * field
                self.square[group] += 2 * self.mean[group] * added + part.square[group] * field_square
                self.mean[group] += added
            return
        for group, recall in part.recall.items():
            kept = 1 - recall.mean * field
            kept_square = 1 - 2 * recall.mean * field + (recall.mean**2 + recall.variance) * field_square
            if part.bounded:
                kept = np.maximum(kept, np.minimum(least / self.left[group], 1))
                kept_square = np.maximum(kept_square, kept**2)
                self.left[group] *= kept
            self.mean[group] *= kept
            self.square[group] *= kept_square
