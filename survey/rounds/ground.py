"""Which ground was worked on and how, and how much of it the flight had searched."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.errors import RasterioIOError
from rasterio.features import rasterize
from rasterio.windows import Window

from survey.errors import InputError
from survey.evidence.groups import GROUPS
from survey.risk.work import LEVELS, quality_at, quality_levels
from survey.rounds.results import Results
from survey.values import HECTARE_EDGE_M, SearchedArea

_WHOLE = 1 - 1e-9
Array = NDArray[np.float64]
Intp = NDArray[np.intp]


@dataclass(slots=True)
class Kinds:
    """Kinds of ground by the qualities of the work done there; 0 is none."""

    number: dict[tuple[int, ...], int] = field(default_factory=lambda: {(): 0})

    def of(self, qualities: Iterable[int]) -> int:
        """Return the number of a set of qualities, a new one if it is new."""
        return self.number.setdefault(tuple(sorted(set(qualities))), len(self.number))

    def left(self, results: Results) -> Array:
        """Return (kinds, levels, groups) probability that an item there is left."""
        level, _ = quality_levels()
        left = np.ones((len(self.number), LEVELS, len(GROUPS)))
        for qualities, kind in self.number.items():
            for quality in qualities:
                for group, recall in results.qualities[quality].items():
                    left[kind, :, GROUPS.index(group)] *= 1 - quality_at(recall.mean, recall.strength, level)
        return left


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Worked ground by cell and kind."""

    cell: Intp
    kind: Intp
    area_ha: Array
    searched_ha: Array


class WorkedGround:
    """The areas of some results on the grid of a run."""

    def __init__(self, results: Results, *, searched: SearchedArea, codes: Path) -> None:
        """Open the ground.

        Args:
            results: What was done.
            searched: Of the run.
            codes: The run's disturbance.tif: what is not nodata there was searched.
        """
        self.results, self.searched, self.codes = results, searched, codes
        self.kinds = Kinds()
        self.tree = shapely.STRtree(results.polygons)

    def pieces(self) -> Pieces:
        """Return what was worked on in each cell. Cells that areas cover in part are looked at pixel by pixel."""
        rows: list[tuple[int, int, float, float]] = []
        grid = self.searched.grid
        with ExitStack() as held:
            dataset = None
            for cell in self._touched().tolist():
                row, col = divmod(cell, grid.cols)
                west, north = grid.x_min + col * HECTARE_EDGE_M, grid.y_max - row * HECTARE_EDGE_M
                box = shapely.box(west, north - HECTARE_EDGE_M, west + HECTARE_EDGE_M, north)
                own = self.tree.query(box, predicate="intersects")
                area = shapely.area(shapely.intersection(self.results.polygons[own], box)) / HECTARE_EDGE_M**2
                own, area = own[area > 0], area[area > 0]
                if not len(own):
                    continue
                if (area >= _WHOLE).all():
                    kind = self.kinds.of(self.results.quality[own].tolist())
                    rows.append((cell, kind, 1.0, float(self.searched.searched[row, col])))
                    continue
                if dataset is None:
                    dataset = held.enter_context(_opened(self.codes))
                rows += [(cell, *piece) for piece in self._by_pixel(dataset, own, row=row, col=col)]
        table = np.array(rows, np.float64).reshape(-1, 4)
        return Pieces(table[:, 0].astype(np.intp), table[:, 1].astype(np.intp), table[:, 2], table[:, 3])

    def _touched(self) -> Intp:
        """Return the cells that any area's bounds touch."""
        grid = self.searched.grid
        box = shapely.bounds(self.results.polygons).reshape(-1, 4)
        cells = set[int]()
        for west, south, east, north in box:
            first = max(int((grid.y_max - north) // HECTARE_EDGE_M), 0)
            last = min(int((grid.y_max - south) // HECTARE_EDGE_M), grid.rows - 1)
            left = max(int((west - grid.x_min) // HECTARE_EDGE_M), 0)
            right = min(int((east - grid.x_min) // HECTARE_EDGE_M), grid.cols - 1)
            cells |= {r * grid.cols + c for r in range(first, last + 1) for c in range(left, right + 1)}
        return np.array(sorted(cells), np.intp)

    def _by_pixel(
        self, dataset: rasterio.DatasetReader, own: Intp, *, row: int, col: int
    ) -> list[tuple[int, float, float]]:
        """Return (kind, area, searched area) of a cell."""
        size = round(HECTARE_EDGE_M / dataset.res[0])
        window = Window(col * size, row * size, size, size)
        searched = dataset.read(1, window=window) != dataset.nodata
        transform = dataset.window_transform(window)
        code = np.zeros((size, size), np.int32)
        qualities = np.unique(self.results.quality[own])
        for place, quality in enumerate(qualities):
            shapes = self.results.polygons[own[self.results.quality[own] == quality]]
            code |= rasterize(shapes.tolist(), out_shape=code.shape, transform=transform, dtype="int32") << place
        pieces = []
        for value in np.unique(code):
            if value:
                kind = self.kinds.of(int(q) for n, q in enumerate(qualities) if value >> n & 1)
                inside = code == value
                pieces.append((kind, float(inside.mean()), float((inside & searched).mean())))
        # Shares of pixels and the share that the run counted are rounded apart from each other.
        most = float(self.searched.searched[row, col])
        total = sum(s for *_, s in pieces)
        scale = min(1.0, most / total) if total else 0.0
        return [(k, a, s * scale) for k, a, s in pieces]

    def kinds_at(self, x: Array, y: Array, *, within_m: Array | float = 0.0) -> Intp:
        """Return the kind of ground at points; a point on no area takes the nearest within a distance."""
        points = shapely.points(x, y)
        found: list[list[int]] = [[] for _ in points]
        for point, area in self.tree.query(points, predicate="intersects").T.tolist():
            found[point].append(area)
        reach = np.broadcast_to(within_m, len(points))
        off = np.array([n for n, areas in enumerate(found) if not areas and reach[n] > 0], np.intp)
        if off.size and len(self.results.polygons):
            (index, area), distance = self.tree.query_nearest(points[off], return_distance=True, all_matches=False)
            for n, a, d in zip(off[index].tolist(), area.tolist(), distance.tolist(), strict=True):
                if d <= reach[n]:
                    found[n].append(a)
        return np.array([self.kinds.of(self.results.quality[a].tolist()) for a in found], np.intp)

    def searched_at(self, x: Array, y: Array) -> NDArray[np.bool_]:
        """Tell which points lie on ground that the flight searched."""
        if not len(x):
            return np.zeros(0, bool)
        with _opened(self.codes) as dataset:
            values = [int(v[0]) for v in dataset.sample(np.column_stack([x, y]).tolist(), indexes=1)]
            searched: NDArray[np.bool_] = np.array(values) != dataset.nodata
            return searched


def outside_ha(polygons: NDArray[np.object_], *, bounds: Sequence[float]) -> float:
    """Return how many hectares of areas lie beyond bounds."""
    whole = shapely.union_all(polygons)
    return float(shapely.difference(whole, shapely.box(*bounds)).area) / HECTARE_EDGE_M**2


def _opened(path: Path) -> rasterio.DatasetReader:
    try:
        return rasterio.open(path)
    except RasterioIOError as error:
        msg = f"{path}: cannot be read ({error}); give the same `survey run` again"
        raise InputError(msg) from error
