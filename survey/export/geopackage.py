"""Layers written to one GeoPackage that QGIS and ArcGIS open alike."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from pyogrio.raw import write

from survey.export.layers import Layer
from survey.files import replacing

LAST_CHANGE = "1970-01-01T00:00:00.000Z"
"""Written wherever the format asks for a time: the same run must give the same bytes."""
_GPKG_VERSION = "1.3"
"""1.4, GDAL's default, makes older GIS programs warn or refuse."""
_COUNTERS, _COUNT = (24, 92), 1
"""Places in the header of an SQLite file: the counter of changes, and the one for which the size beside it holds."""
_STYLE_TABLE = """
CREATE TABLE layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256),
    styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT,
    owner TEXT(30), ui TEXT(30), update_time DATETIME
)"""


def write_geopackage(path: Path, *, crs: str, layers: Sequence[Layer], styles: Mapping[str, str]) -> None:
    """Write layers, empty ones too, with their QGIS styles. The same layers give the same bytes.

    Args:
        path: File to write or replace.
        crs: Of all geometries.
        layers: In the order in which programs list them.
        styles: QML by layer name.
    """
    with replacing(path) as temporary:
        temporary.unlink(missing_ok=True)  # left by a killed process of the same number, it would be added to
        for number, layer in enumerate(layers):
            _write_layer(temporary, layer=layer, crs=crs, new=number == 0)
        with closing(sqlite3.connect(temporary)) as database:
            _add_styles(database, {layer.name: styles[layer.name] for layer in layers if layer.name in styles})
            database.execute("UPDATE gpkg_contents SET last_change = ?", (LAST_CHANGE,))
            database.commit()
            # A write-ahead log left beside the file would be lost when the file is copied.
            database.execute("PRAGMA journal_mode = DELETE")
            database.execute("VACUUM")
        _reset_counter(temporary)


def _reset_counter(path: Path) -> None:
    """Set how often the file was changed, which SQLite counts in its header, to one.

    GDAL does not write in the same number of steps every time: on a busy machine the count of one file in several
    differed, and nothing else. Readers compare the count with the one that they have seen and with its copy.
    """
    with path.open("r+b") as file:
        for place in _COUNTERS:
            file.seek(place)
            file.write(_COUNT.to_bytes(4, "big"))


def _write_layer(path: Path, *, layer: Layer, crs: str, new: bool) -> None:
    """Add one layer to the file."""
    write(
        path,
        layer.geometry,
        field_data=[np.asarray(column) for column in layer.columns.values()],
        fields=np.array(list(layer.columns), dtype=object),
        layer=layer.name,
        driver="GPKG",
        geometry_type=layer.geometry_type,
        crs=crs,
        dataset_options={"VERSION": _GPKG_VERSION} if new else None,
        nan_as_null=True,
    )


def _add_styles(database: sqlite3.Connection, styles: Mapping[str, str]) -> None:
    """Store styles where QGIS looks for them; other programs see a plain table."""
    if not styles:
        return
    database.execute(_STYLE_TABLE)
    database.executemany(
        "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName,"
        " styleQML, styleSLD, useAsDefault, description, owner, ui, update_time)"
        " VALUES ('', '', ?, 'geom', ?, ?, '', 1, '', '', NULL, ?)",
        [(name, name, qml, LAST_CHANGE) for name, qml in styles.items()],
    )
    database.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change)"
        " VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?)",
        (LAST_CHANGE,),
    )
