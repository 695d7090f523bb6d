"""What is true about a simulated flight: where its ordnance lies and where its ground is disturbed."""

from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
from numpy.typing import NDArray
from shapely import Geometry, affinity

from survey.files import replacing
from survey.simulate.scene import Scene, disturbed_polygon


@dataclass(frozen=True, slots=True, eq=False)
class TrueItems:
    """N items. Every array has shape (N,)."""

    kinds: tuple[str, ...]
    class_names: tuple[str, ...]
    x: NDArray[np.float64]
    """Of the item's middle, metres in the flight's CRS."""
    y: NDArray[np.float64]
    size_m: NDArray[np.float32]
    """Longest extent of the whole item seen from above, metres."""
    visible: NDArray[np.float32]
    """Share that soil and plants leave to be seen, 0 to 1."""

    def __len__(self) -> int:
        return len(self.kinds)


@dataclass(frozen=True, slots=True, eq=False)
class TrueDisturbances:
    """N structures."""

    kinds: tuple[str, ...]
    """Of `survey.values.DISTURBANCES`."""
    areas: tuple[Geometry, ...]
    """Polygons in the flight's CRS, cut at the flown outline."""

    def __len__(self) -> int:
        return len(self.kinds)


def true_disturbances(scene: Scene, *, origin: tuple[float, float]) -> TrueDisturbances:
    """Return the disturbed areas on the map; `origin` is the (x, y) of the image's north-west corner."""
    kinds, areas = [], []
    for placed in scene.disturbances:
        polygon = disturbed_polygon(placed, outline=scene.outline)
        if not polygon.is_empty:
            kinds.append(placed.disturbance.kind)
            areas.append(affinity.affine_transform(polygon, (1, 0, 0, -1, *origin)))
    return TrueDisturbances(tuple(kinds), tuple(areas))


def write_truth(path: Path, *, items: TrueItems, disturbances: TrueDisturbances, crs: str) -> None:
    """Write a GeoPackage with the layers `items` (points) and `disturbances` (polygons)."""
    points = geopandas.GeoDataFrame(
        {"class": items.class_names, "kind": items.kinds, "size_m": items.size_m, "visible": items.visible},
        geometry=geopandas.points_from_xy(items.x, items.y),
        crs=crs,
    )
    areas = geopandas.GeoDataFrame({"class": disturbances.kinds}, geometry=list(disturbances.areas), crs=crs)
    areas["area_m2"] = areas.area
    with replacing(path) as temporary:
        pyogrio.write_dataframe(points, temporary, layer="items", driver="GPKG")
        pyogrio.write_dataframe(areas, temporary, layer="disturbances", driver="GPKG", promote_to_multi=True)
