"""Put the layers together, cell by cell, in the order of their dates.

The density of a group starts as the background's Gamma. In the order of dates, a source adds an independent density
(superposition: additive in the rate), and a thinning multiplies what is there by 1 - recall x field (additive in the
log rate). Two numbers are kept of the density so far: its mean m, and h = -ln P(no item in the hectare):

    source    m' = m + E[s],      h' = h - ln E[exp(-s)]
    thinning  m' = m E[f],        h' = -ln E[(1 + m f / a)^-a],   a the shape by m and h

The first is exact; the second takes the sum so far for a Gamma. A source never lowers P(at least one), a thinning never
raises it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.evidence.cells import CellWindow
from survey.evidence.config import EvidenceConfig
from survey.evidence.gamma import shape_of, surprise
from survey.evidence.groups import GROUPS
from survey.evidence.layers import Prepared, Source, Thinning, prepare
from survey.evidence.prior import DIRECT, INDIRECT, Prior
from survey.values import HectareGrid

Array = NDArray[np.float64]
WINDOW = 512
"""Edge of a window in cells; nothing depends on it but memory."""


_NOISE = 1e-12
"""A field below this is rounding."""
_NEVER = 1e-300
"""Least probability of an empty hectare: its logarithm has to exist."""


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
        shape = {g: shape_of(belief.mean[g], belief.h[g]) for g in GROUPS}
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
    """Mean of the density and h = -ln P(no item) by group, as layer after layer is taken in."""

    mean: dict[str, Array]
    h: dict[str, Array]
    left: dict[str, Array]
    """Share that evidence of absence has left so far."""

    @classmethod
    def from_background(cls, config: EvidenceConfig, shape: tuple[int, int]) -> "_Belief":
        start = {g: config.background[g] for g in GROUPS}
        mean = {g: np.full(shape, start[g].items_per_ha) for g in GROUPS}
        h = {g: np.full(shape, surprise(start[g].items_per_ha, start[g].shape)) for g in GROUPS}
        return cls(mean, h, {g: np.ones(shape) for g in GROUPS})

    def take(self, part: Source | Thinning, window: CellWindow, *, least: float) -> None:
        """Take in a source or a thinning, in the cells that it speaks of."""
        nodes = part.field.nodes(window)
        if not nodes:
            return
        mean: Array = np.sum([node.likely * node.value for node in nodes], axis=0)
        here = mean > _NOISE
        field = [(node.likely[here], node.value[here]) for node in nodes]
        for group in part.groups:
            if isinstance(part, Source):
                self._add(part, group, here, field)
            else:
                self._thin(part, group, here, field, least)

    def _add(self, part: Source, group: str, here: NDArray[np.bool_], field: list[tuple[Array, Array]]) -> None:
        density, shape = part.mean[group], part.shape[group]
        some = np.zeros(int(here.sum()))
        for likely, value in field:
            self.mean[group][here] += density * likely * value
            some -= likely * np.expm1(-surprise(density * value, shape))
        self.h[group][here] -= np.log1p(-np.minimum(some, 1 - _NOISE))

    def _thin(
        self, part: Thinning, group: str, here: NDArray[np.bool_], field: list[tuple[Array, Array]], least: float
    ) -> None:
        recall = part.recall[group]
        mean, h = self.mean[group][here], self.h[group][here]
        shape = shape_of(mean, h)
        first: Array = np.sum([likely * value for likely, value in field], axis=0)
        taken = np.full_like(first, recall.mean)
        if part.bounded:
            taken = np.minimum(taken, (1 - np.minimum(least / self.left[group][here], 1)) / first)
        kept = 1 - taken * first
        if part.bounded:
            self.left[group][here] *= kept
        spread = np.minimum(np.minimum(recall.variance**0.5, taken), 1 - taken)
        none = (1 - sum(likely for likely, _ in field)) * np.exp(-h)
        for likely, value in field:
            for removed in (taken - spread, taken + spread):
                none += likely / 2 * np.exp(-surprise(mean * (1 - value * removed), shape))
        self.mean[group][here] = mean * kept
        self.h[group][here] = -np.log(np.maximum(none, _NEVER))
