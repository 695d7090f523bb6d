"""How unlike the ground of its own flight a place is: the RX detector of Reed and Yu (1990) on features of the network.

The features that ImageNet taught tell things from ground, but how strongly a place answers depends on soil, season and
camera. So each flight's own ground is the measure: mean and covariance of its features, of windows spread over all of
its images, and the Mahalanobis distance of a place to them. Things that stand out would widen their own measure; the
farthest cells are left out and the rest is measured again, a few times.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from survey.covariance import shrunk_covariance
from survey.detect.contrast import ContrastCard
from survey.errors import InputError
from survey.networks import COARSE_STRIDE, FILL, HEAT_STRIDE, Heads, Runtime
from survey.values import Window

SAMPLE_PX = 256
"""Edge of a window that is measured, working pixels; windows lie on multiples of it."""
CONTEXT_PX = 64
"""Read around a window at least, so that its cells see their surroundings."""
WINDOWS = 160
"""Windows of a flight, about; 40,000 cells for some hundred features."""
TAIL = 0.98
"""Share of a flight's cells below its tail: those beyond are more than items take, so they tell of the ground."""
_GROUND, _ALARMS, _NEAR = "background", "alarms", "near"
_ROUNDS = 3
"""Times that the farthest cells are left out."""
_LEAST_CELLS = 16
_RIDGE, _LEAST_VARIANCE = 1e-3, 1e-9
"""Added to every feature's variance, as a share of their mean and as it is: ground may not vary in some of them."""
_LEAST_SQUARE = 1e-3
"""Added to the squared distance, so that its logarithm is finite."""


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """What the ground of a flight is like in C features."""

    mean: NDArray[np.float32]
    """(C,)."""
    whiten: NDArray[np.float32]
    """(C, C): features less their mean, as rows, times this are uncorrelated, each of variance 1."""
    tail: float
    """ln(distance) that a share `TAIL` of all cells measured, left out or not, lies below."""
    alarms: "Background | None" = None
    """What the strongest alarms of the flight are like, in the features of a second look; None: not measured."""
    near: "Background | None" = None
    """What the ground is like seen nearer; None: not measured."""

    @classmethod
    def of(cls, stored: Mapping[str, NDArray[np.generic]]) -> "Background":
        """Return the background that `stored` is of."""
        alarms, near = (cls._of_rows(stored[name]) if name in stored else None for name in (_ALARMS, _NEAR))
        return replace(cls._of_rows(stored[_GROUND]), alarms=alarms, near=near)

    @property
    def stored(self) -> dict[str, NDArray[np.generic]]:
        """Arrays for a file: of the ground, and what else was measured."""
        more = {_ALARMS: self.alarms, _NEAR: self.near}
        return {_GROUND: self._rows, **{name: part._rows for name, part in more.items() if part is not None}}  # noqa: SLF001 - of the same class

    @classmethod
    def _of_rows(cls, rows: NDArray[np.generic]) -> "Background":
        return cls(rows[0].astype(np.float32), rows[1:-1].astype(np.float32), float(rows[-1, 0]))

    @property
    def _rows(self) -> NDArray[np.float32]:
        """(2 + C, C): the mean, the whitening, and a row of the tail."""
        return np.concatenate([self.mean[None], self.whiten, np.full_like(self.mean[None], self.tail)])

    def applied(self, heads: Heads, card: ContrastCard, imaged: NDArray[np.bool_] | None = None) -> Heads:
        """Return the heads with a heatmap that tells contrast with the ground too; the other heads stay.

        Between the centres of its cells the distance is interpolated, so the reach grows by `COARSE_STRIDE`, and by
        that of the surroundings.

        Args:
            heads: Of one tile or several.
            card: Weights.
            imaged: (H, W) pixels that show ground, for surroundings are made up of these; None: all do.
        """
        assert heads.coarse is not None
        log_distance = self.log_distance(heads.coarse)
        if card.around is not None:
            log_distance = log_distance - self.surroundings(heads.coarse, card, imaged)
        log_distance = _by_heat_cell(log_distance)
        heat = card.bias + card.heat * heads.heat + card.contrast * self.share(card) * log_distance
        return replace(heads, heat=heat)

    def surroundings(
        self, coarse: torch.Tensor, card: ContrastCard, imaged: NDArray[np.bool_] | None = None
    ) -> torch.Tensor:
        """Return what `applied` subtracts from ln(distance): (N, 1, h, w) of (N, C, h, w) features."""
        log_distance = self.log_distance(coarse)
        if card.around is None:
            return torch.zeros_like(log_distance)
        return card.around.surroundings(log_distance, _imaged_share(imaged, like=log_distance))

    def share(self, card: ContrastCard) -> float:
        """Return what the distance counts, 1 in full: less where the ground is full of things."""
        return 1.0 if card.usual_tail is None else card.usual_tail / max(self.tail, card.usual_tail)

    def log_distance_by_cell(self, coarse: torch.Tensor) -> torch.Tensor:
        """Return `log_distance` at the cells of the ordnance head: (N, 1, 4 h, 4 w)."""
        return _by_heat_cell(self.log_distance(coarse))

    def log_distance(self, coarse: torch.Tensor) -> torch.Tensor:
        """Return ln of the Mahalanobis distance by the root of C: near 0 on ordinary ground.

        Args:
            coarse: (N, C, h, w) features.

        Returns:
            (N, 1, h, w).
        """
        return self._log_distance(coarse.permute(0, 2, 3, 1))[:, None]

    def log_distance_of(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return ln of the distance of (N, C) features; (N,)."""
        return self._log_distance(torch.from_numpy(features)).numpy()

    def _log_distance(self, features: torch.Tensor) -> torch.Tensor:
        """Map (..., C) to (...)."""
        mean, whiten = (torch.from_numpy(part).to(features.device) for part in (self.mean, self.whiten))
        white = (features - mean) @ whiten
        return white.square().mean(dim=-1).add(_LEAST_SQUARE).log() / 2


def _by_heat_cell(values: torch.Tensor) -> torch.Tensor:
    """Return (N, 1, h, w) values interpolated to the cells of the ordnance head."""
    return functional.interpolate(values, scale_factor=COARSE_STRIDE / HEAT_STRIDE, mode="bilinear")


def _imaged_share(imaged: NDArray[np.bool_] | None, *, like: torch.Tensor) -> torch.Tensor:
    """Return the share of each coarse cell's pixels that show ground: (1, 1, h, w)."""
    if imaged is None:
        return torch.ones_like(like[:1])
    shares = functional.avg_pool2d(torch.from_numpy(imaged)[None, None].float(), COARSE_STRIDE)
    return shares.to(like.device)


def measured_background(cells: NDArray[np.float32], *, trimmed: float) -> Background:
    """Return mean and whitening of cells of ground, with the shrinkage of Ledoit and Wolf (2004).

    Args:
        cells: (N, C) features.
        trimmed: Share left out, as in `ContrastCard`.

    Raises:
        InputError: There are too few cells to tell what the ground is like.
    """
    if len(cells) < _LEAST_CELLS:
        msg = f"{len(cells)} cells of 16 px were imaged: too little to tell what the ground is like; give more imagery"
        raise InputError(msg)
    kept = cells.astype(np.float64)
    for left in range(_ROUNDS if trimmed else 0, -1, -1):
        mean = kept.mean(axis=0)
        covariance = shrunk_covariance(kept - mean)
        least = _RIDGE * np.trace(covariance) / len(mean) + _LEAST_VARIANCE
        covariance += least * np.eye(len(mean))
        whiten = np.linalg.cholesky(np.linalg.inv(covariance))
        if left:
            distance = np.square((kept - mean) @ whiten).sum(axis=1)
            kept = kept[distance <= np.quantile(distance, 1 - trimmed)]
    log_distance = np.log(np.square((cells - mean) @ whiten).mean(axis=1) + _LEAST_SQUARE) / 2
    return Background(mean.astype(np.float32), whiten.astype(np.float32), float(np.quantile(log_distance, TAIL)))


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """A window that was measured, with its surroundings, S x S pixels in all."""

    pixels: NDArray[np.uint8]
    """(S, S, 3)."""
    imaged: NDArray[np.bool_]
    """(S, S): pixels of the window itself that show ground."""
    coarse: torch.Tensor
    """(1, C, S/16, S/16)."""


class BackgroundMeter:
    """Gathers cells of ground, window by window; keeps the windows too where they are looked at again."""

    def __init__(self, runtime: Runtime, *, reach_px: int | None = None) -> None:
        """Begin with nothing.

        Args:
            runtime: Of the network.
            reach_px: Windows are kept, with their surroundings as far as this; None: they are not.
        """
        self._runtime, self._keep = runtime, reach_px is not None
        self.context_px = max(CONTEXT_PX, -(-(reach_px or 0) // COARSE_STRIDE) * COARSE_STRIDE)
        """Read around a window."""
        self._cells: list[NDArray[np.float32]] = []
        self.kept: list[Sampled] = []
        """The windows, if they are kept: some 180 MB of a flight."""

    @property
    def windows(self) -> int:
        """Windows that told something."""
        return len(self._cells)

    @property
    def cells(self) -> NDArray[np.float32]:
        """(N, C) features of all cells so far."""
        return np.concatenate(self._cells) if self._cells else np.empty((0, 1), np.float32)

    def add(self, pixels: NDArray[np.uint8], valid: NDArray[np.bool_]) -> None:
        """Take a window in; cells that were not imaged whole are left out.

        Args:
            pixels: uint8 (h + 2 context_px, w + 2 context_px, 3), h and w at most `SAMPLE_PX`; `FILL` where nothing
                was imaged, as a search sees it.
            valid: bool, the same height and width.
        """
        edge = SAMPLE_PX + 2 * self.context_px
        whole, imaged = np.full((edge, edge, 3), FILL, np.uint8), np.zeros((edge, edge), bool)
        height, width = pixels.shape[:2]
        whole[:height, :width] = pixels
        core = (slice(self.context_px, height - self.context_px), slice(self.context_px, width - self.context_px))
        imaged[core] = valid[core]
        count = edge // COARSE_STRIDE
        cells = imaged.reshape(count, COARSE_STRIDE, count, COARSE_STRIDE).all(axis=(1, 3))
        if cells.any():
            coarse = self._runtime(whole).coarse
            assert coarse is not None
            coarse = coarse.float().cpu()
            self._cells.append(np.ascontiguousarray(coarse[0].numpy()[:, cells].T))
            if self._keep:
                self.kept.append(Sampled(whole, imaged, coarse))

    def add_picture(self, working: NDArray[np.uint8], *, windows: int) -> None:
        """Take in a picture, all of it imaged.

        Args:
            working: uint8 (H, W, 3) at the model's GSD.
            windows: Most windows taken, spread in an order that the picture's size fixes.
        """
        height, width = working.shape[:2]
        starts = [(r, c) for r in range(0, height, SAMPLE_PX) for c in range(0, width, SAMPLE_PX)]
        for n in sorted(np.random.default_rng(len(starts)).permutation(len(starts))[:windows].tolist()):
            row, col = starts[n]
            core = Window(row, col, min(SAMPLE_PX, height - row), min(SAMPLE_PX, width - col))
            self.add(*framed(working, core.padded(self.context_px)))


def framed(working: NDArray[np.uint8], window: Window) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a window (h, w, 3) of a picture (H, W, 3), `FILL` beyond it, and which pixels there are (h, w)."""
    inside = window.intersection(Window(0, 0, *working.shape[:2]))
    assert inside is not None
    pixels = np.full((window.height, window.width, 3), FILL, np.uint8)
    valid = np.zeros((window.height, window.width), bool)
    place = inside.slices(window)
    pixels[place] = working[inside.slices()]
    valid[place] = True
    return pixels, valid
