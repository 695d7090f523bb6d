"""Columns and geometries of the layers of detections.gpkg."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from survey.errors import SurveyError
from survey.export.outline import OutlinePolygon
from survey.values import HECTARE_EDGE_M, RISK_BANDS, Detections, Image, Risk

_EDGE_POINTS = 16
"""Points along each edge of a footprint: edges bend between CRSs."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One layer: a geometry and a value of each column for every feature."""

    name: str
    geometry_type: str
    """'Point' or 'Polygon'."""
    geometry: NDArray[np.object_]
    """(N,) WKB."""
    columns: Mapping[str, NDArray[np.generic]]
    """Arrays of shape (N,); object arrays hold text."""

    def __post_init__(self) -> None:
        for name, column in self.columns.items():
            if column.shape != self.geometry.shape:
                msg = f"layer {self.name}: column {name} has shape {column.shape}, geometry {self.geometry.shape}"
                raise ValueError(msg)


def detection_layer(
    detections: Detections,
    *,
    items: NDArray[np.intp],
    images: Sequence[Image] | Mapping[str, str],
    run_id: str,
    more: Mapping[str, NDArray[np.generic]] | None = None,
) -> Layer:
    """Return the sightings as points, best item first.

    Args:
        detections: N sightings, placed in the output CRS.
        items: (N,) item number of each sighting.
        images: The run's images, in any order, or their file names by id.
        run_id: Name of the run.
        more: (N,) further columns.

    Raises:
        SurveyError: A sighting's image is not among `images`.
    """
    names = images if isinstance(images, Mapping) else {image.image_id: image.path.name for image in images}
    if unknown := sorted(set(detections.images) - names.keys()):
        msg = f"detections name images that the run does not have: {', '.join(unknown)}; pass every image of the run"
        raise SurveyError(msg)
    order = np.lexsort((detections.y, detections.x, -detections.probability, items))
    d = detections.take(order)
    image_ids = _text(d.images[i] for i in d.image_index)
    columns: dict[str, NDArray[np.generic]] = {
        "detection_id": detection_ids(d),
        "item": np.sort(items).astype(np.int64),
        "class": _text(d.class_names),
        "score": d.score,
        "probability": d.probability,
        "size_m": d.size_m,
        "position_error_m": d.position_error_m,
        "image": _text(names[i] for i in image_ids),
        "image_id": image_ids,
        "image_row": d.row,
        "image_col": d.col,
        "model": _text([d.model_id] * len(d)),
        "run_id": _text([run_id] * len(d)),
    }
    columns |= {name: values[order] for name, values in (more or {}).items()}
    return Layer("detections", "Point", _wkb(shapely.points(d.x, d.y)), columns)


def hectare_layer(risk: Risk, *, more: Mapping[str, NDArray[np.generic]] | None = None) -> Layer:
    """Return the cells that somebody flew as squares with their risk bands, and further ones of the grid's shape."""
    row, col = np.nonzero(np.isfinite(risk.p_at_least_one))
    west = risk.grid.x_min + col * HECTARE_EDGE_M
    north = risk.grid.y_max - row * HECTARE_EDGE_M
    south = north - HECTARE_EDGE_M
    squares = shapely.box(west, south, west + HECTARE_EDGE_M, north)
    columns: dict[str, NDArray[np.generic]] = {
        "cell": _text(f"E{x}N{y}" for x, y in zip(west.tolist(), south.tolist(), strict=True))
    }
    columns |= {name: getattr(risk, name)[row, col] for name in RISK_BANDS}
    columns |= {name: values[row, col] for name, values in (more or {}).items()}
    return Layer("hectares", "Polygon", _wkb(squares), columns)


def searched_layer(polygons: Sequence[OutlinePolygon]) -> Layer:
    """Return the outlines of searched and of not searched ground."""
    columns: dict[str, NDArray[np.generic]] = {
        "state": _text(p.state for p in polygons),
        "reason": _text(p.reason for p in polygons),
        "area_ha": np.array([p.polygon.area / 10_000 for p in polygons], np.float64),
    }
    return Layer("searched_area", "Polygon", _wkb([p.polygon for p in polygons]), columns)


def image_layer(images: Sequence[Image], *, crs: str) -> Layer:
    """Return the footprints of the images in the output CRS."""
    columns: dict[str, NDArray[np.generic]] = {
        "image": _text(i.path.name for i in images),
        "image_id": _text(i.image_id for i in images),
        "sha256": _text(i.sha256 for i in images),
        "crs": _text(_crs_name(i.crs_wkt) for i in images),
        "gsd_m": np.array([i.gsd_m for i in images], np.float64),
        "height": np.array([i.height for i in images], np.int64),
        "width": np.array([i.width for i in images], np.int64),
        "validity": _text(str(i.validity) for i in images),
    }
    return Layer("images", "Polygon", _wkb([_footprint(i, crs=crs) for i in images]), columns)


def detection_ids(detections: Detections) -> NDArray[np.object_]:
    """Return ids that a re-run gives again: a hash of model, image, class and place to 0.01 px."""
    seen: Counter[str] = Counter()
    ids = []
    for n, name in enumerate(detections.class_names):
        image = detections.images[detections.image_index[n]]
        place = f"{detections.model_id}:{image}:{name}:{detections.row[n]:.2f}:{detections.col[n]:.2f}"
        seen[place] += 1
        ids.append(hashlib.sha256(f"{place}:{seen[place]}".encode()).hexdigest()[:16])
    return _text(ids)


def _footprint(image: Image, *, crs: str) -> shapely.Polygon:
    """Return the outline of an image's pixels in another CRS."""
    share = np.arange(_EDGE_POINTS) / _EDGE_POINTS
    along, zero, one = share, np.zeros(_EDGE_POINTS), np.ones(_EDGE_POINTS)
    col = np.concatenate([along, one, 1 - along, zero]) * image.width
    row = np.concatenate([zero, along, one, 1 - along]) * image.height
    x, y = image.transform * (col, row)
    x, y = Transformer.from_crs(image.crs_wkt, crs, always_xy=True).transform(x, y)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        msg = f"{image.path}: its outline cannot be placed in {crs}; check the file's CRS and geotransform"
        raise SurveyError(msg)
    return shapely.Polygon(np.column_stack([x, y]))


def _crs_name(wkt: str) -> str:
    """Return 'EPSG:n' where the CRS is registered, else its name."""
    crs = CRS.from_wkt(wkt)
    authority = crs.to_authority(min_confidence=100)
    return ":".join(authority) if authority else crs.name


def _text(values: Iterable[str]) -> NDArray[np.object_]:
    """Return strings as an object array, of shape (0,) where there are none."""
    return np.array(list(values), dtype=np.object_)


def _wkb(geometries: Sequence[shapely.Geometry] | NDArray[np.object_]) -> NDArray[np.object_]:
    """Return geometries as an object array of WKB."""
    return np.asarray(shapely.to_wkb(np.asarray(geometries, dtype=np.object_)), dtype=np.object_)
