"""Layers of shapes by the part of the map that is looked at, no finer than the screen shows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

MOST_SHAPES = 3000
"""Shapes sent for one view; 5,000 boxes draw in 18 ms a frame on a slow machine, 20,000 in 124 ms."""
CLUSTER_PX = 64
"""Edge of the squares that points are counted in where there are too many."""

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class ShapeLayer:
    """Shapes with their properties, found by place."""

    shapes: NDArray[np.object_]
    properties: tuple[dict[str, Any], ...]
    tree: shapely.STRtree
    weight: Callable[[dict[str, Any]], float] | None = None
    """Which of too many shapes are sent first: those of the greatest weight; None: the largest."""

    @classmethod
    def of(cls, table: Any, *, columns: tuple[str, ...], weight: str | None = None) -> "ShapeLayer":
        """Return the layer of a table with a geometry; columns that it lacks are left out."""
        table = table[~(table.geometry.isna() | table.geometry.is_empty)]
        shapes = np.asarray(shapely.force_2d(np.asarray(table.geometry.array, dtype=object)), dtype=object)
        own = [name for name in columns if name in table.columns]
        rows = [{name: _plain(row[name]) for name in own} for row in table[own].to_dict("records")]
        by = None if weight is None else (lambda row: float(row.get(weight) or 0.0))
        return cls(shapes, tuple(rows), shapely.STRtree(shapes), by)

    def view(self, bounds: Bounds, *, resolution: float) -> dict[str, Any]:
        """Return the shapes within bounds as GeoJSON, simplified to half a screen pixel.

        Args:
            bounds: West, south, east, north in the run's CRS.
            resolution: Metres along a screen pixel.

        Returns:
            A FeatureCollection; `left_out` counts the shapes beyond `MOST_SHAPES`, the least important.
        """
        found = np.sort(self.tree.query(shapely.box(*bounds)))
        if len(found) > MOST_SHAPES:
            if self.weight is None:
                worth = shapely.area(self.shapes[found])
            else:
                worth = np.array([self.weight(self.properties[n]) for n in found])
            kept = np.sort(found[np.argsort(-worth, kind="stable")[:MOST_SHAPES]])
        else:
            kept = found
        shapes = shapely.simplify(self.shapes[kept], resolution / 2)
        # Outlines of searched ground have thousands of corners; those outside the view cost as much as those inside.
        wide = shapely.get_num_coordinates(shapes) > 500
        shapes[wide] = shapely.clip_by_rect(shapes[wide], *bounds)
        features = [
            {"type": "Feature", "geometry": shapely.geometry.mapping(shape), "properties": self.properties[n]}
            for n, shape in zip(kept.tolist(), shapes, strict=True)
            if not shape.is_empty
        ]
        return {"type": "FeatureCollection", "features": features, "left_out": len(found) - len(kept)}


def clusters(x: NDArray[np.float64], y: NDArray[np.float64], *, resolution: float) -> tuple[NDArray[np.intp], int]:
    """Return the square of `CLUSTER_PX` screen pixels that each point lies in, numbered from 0, and their number."""
    edge = CLUSTER_PX * resolution
    cell = np.column_stack([np.floor(x / edge), np.floor(y / edge)]).astype(np.int64)
    names, number = np.unique(cell, axis=0, return_inverse=True)
    return np.asarray(number, np.intp).reshape(-1), len(names)


def _plain(value: Any) -> Any:
    """Return a value that JSON knows; what is not a finite number is None."""
    if isinstance(value, (bool, str)) or value is None:
        return value
    number = float(value)
    if not np.isfinite(number):
        return None
    return int(number) if number.is_integer() else round(number, 4)
