"""Products that GIS programs open right: rasters, layers, styles, summary, manifest."""

from survey.export.codes import CodeRaster, code_raster
from survey.export.cog import write_risk
from survey.export.cover import COVER
from survey.export.disturbance import write_disturbance
from survey.export.geopackage import write_geopackage
from survey.export.layers import Layer, detection_layer, hectare_layer, image_layer, searched_layer
from survey.export.manifest import MANIFEST, name_by, verify_manifest, write_manifest
from survey.export.outline import OutlinePolygon, SearchedOutline, UnsearchedPlace
from survey.export.project import PROJECT, styles_in, write_project
from survey.export.qml import (
    candidate_style,
    layer_styles,
    write_cover_style,
    write_disturbance_style,
    write_risk_style,
)
from survey.export.reading import read_hectares, read_layer
from survey.export.summary import summarise, write_summary

__all__ = [
    "COVER",
    "MANIFEST",
    "PROJECT",
    "CodeRaster",
    "Layer",
    "OutlinePolygon",
    "SearchedOutline",
    "UnsearchedPlace",
    "candidate_style",
    "code_raster",
    "detection_layer",
    "hectare_layer",
    "image_layer",
    "layer_styles",
    "name_by",
    "read_hectares",
    "read_layer",
    "searched_layer",
    "styles_in",
    "summarise",
    "verify_manifest",
    "write_cover_style",
    "write_disturbance",
    "write_disturbance_style",
    "write_geopackage",
    "write_manifest",
    "write_project",
    "write_risk",
    "write_risk_style",
    "write_summary",
]
