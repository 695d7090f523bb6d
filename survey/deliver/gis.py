"""GeoPackages with styles, rasters, pictures and the QGIS project."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from survey.deliver.coarse import write_coarse_risk
from survey.deliver.files import CHIPS, copy, copy_pixels, is_picture, others_in
from survey.deliver.plain import plain_style
from survey.deliver.redaction import Redaction
from survey.deliver.tables import Finished, Table
from survey.export import layer_styles, styles_in, write_geopackage, write_project
from survey.export.palette import OUTLINE_COLOUR, RISK_RAMP, ROW_COLOUR
from survey.export.symbols import fill, ramp_style, single_style
from survey.files import make_folder, write_bytes
from survey.priority.styles import plan_styles

_OWN = frozenset({"disturbance.tif", "disturbance.tif.aux.xml", "disturbance.qml", "patterns.tif", "patterns.qml"}) | {
    *("patterns.json", "priority.json", "candidates.json", "evidence.json", "report.json", "summary.txt"),
    *("curve.csv", "curve.png", "prior.tif", "contributions.tif", "evidence_class.tif", "cover.tif", "cover.qml"),
}
"""Files that this program names."""
_REPLACED = frozenset({"risk.tif", "risk.qml"})
"""Written anew when places are coarse."""


def write_gis(
    folder: Path, finished: Finished, tables: Sequence[Table], *, changed: frozenset[str], redaction: Redaction
) -> tuple[str, ...]:
    """Write what GIS programs open, with `survey.qgz` over it; return what was left out.

    Args:
        folder: Folder to write into.
        finished: The run.
        tables: Layers that may leave.
        changed: 'folder/file' of GeoPackages that differ from what was read; the others are copied byte for byte.
        redaction: What does not leave.
    """
    coarse = redaction.place != "keep"
    for (part, file), group in groupby(tables, key=lambda t: (t.folder, t.file)):
        sources = finished.sources(part, file)
        layers = list(group)
        target = make_folder(folder / part) / file
        if not redaction.anything and f"{part}/{file}" not in changed and len(sources) == 1:
            copy(sources[0], target)
            continue
        styles = {name: qml for source in sources for name, qml in styles_in(source).items()} | {
            **(_coarse_styles() if coarse else {})
        }
        write_geopackage(target, crs=layers[0].crs, layers=[t.layer() for t in layers], styles=styles)
    left_out = _other_files(folder, finished, redaction)
    cells = next((t for t in tables if t.name == "cells"), None)
    if coarse and cells is not None and len(cells):
        tags = {"SURVEY_RUN_ID": finished.run_id}
        write_coarse_risk(folder / "risk.tif", cells, metres=redaction.metres, tags=tags)
        words = f"chance of an item or more in the cell of {redaction.metres} m"
        write_bytes(folder / "risk.qml", ramp_style([(v, c, f"{v:.0%} {words}") for v, c in RISK_RAMP]))
    write_project(folder, title="survey")
    return left_out


def _other_files(folder: Path, finished: Finished, redaction: Redaction) -> tuple[str, ...]:
    """Copy rasters, reports and pictures, as far as they may leave."""
    left_out, pictures = [], 0
    newer = finished.round_folder
    for part, source in {"": finished.products, **finished.extras}.items():
        for found in others_in(source):
            name = found.relative_to(source)
            path = newer / name if not part and newer is not None and (newer / name).is_file() else found
            styled = path.suffix != ".tif" or path.with_suffix(".qml").is_file()
            if name.name in _REPLACED and redaction.place != "keep":
                continue
            if not styled and redaction.place == "keep" and (style := plain_style(path)) is not None:
                write_bytes((make_folder(folder / part) / name).with_suffix(".qml"), style)
            if not redaction.anything:
                copy(path, folder / part / name)
            elif is_picture(path) and (redaction.place == "keep" or CHIPS in name.parts):
                pictures += 1
                own = name.with_name(f"picture-{pictures:04d}{path.suffix.lower()}") if redaction.names else name
                copy_pixels(path, folder / part / (Path(CHIPS) / own.name if redaction.names else own))
            elif redaction.place == "keep" and path.suffix in {".tif", ".qml", ".xml"}:
                copy(path, folder / part / name)
            else:
                told = path.name if path.name in _OWN else f"a file {path.suffix}"  # other names may tell a place
                left_out.append(f"{part or 'run'}: {told}: withheld")
    return tuple(left_out)


def _coarse_styles() -> Mapping[str, str]:
    """Return styles of layers that coarse places turn into cells."""
    return {
        "detections": layer_styles()["detections"],
        "cells": single_style(fill(OUTLINE_COLOUR)),
        "patterns": single_style(fill(ROW_COLOUR, line="dash")),
        "work_areas": plan_styles()["work_areas"],
    }
