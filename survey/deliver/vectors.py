"""FlatGeobuf and GeoParquet: a file for each layer."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import geopandas
import numpy as np
import pyogrio.raw

from survey.deliver.tables import Table
from survey.errors import ConfigError
from survey.files import make_folder, replacing


def file_stem(table: Table) -> str:
    """Return the name of a layer's file; layers of other folders than the run's carry the folder's name."""
    return f"{table.folder}-{table.name}" if table.folder and table.folder != table.name else table.name


def write_flatgeobuf(folder: Path, tables: Sequence[Table]) -> None:
    """Write `<layer>.fgb` into a folder."""
    make_folder(folder)
    for table in tables:
        layer = table.layer()
        with replacing(folder / f"{file_stem(table)}.fgb") as temporary:
            pyogrio.raw.write(
                temporary,
                layer.geometry,
                field_data=[np.asarray(column) for column in layer.columns.values()],
                fields=np.array(list(layer.columns), dtype=object),
                layer=table.name,
                driver="FlatGeobuf",
                geometry_type=layer.geometry_type,
                crs=table.crs,
                nan_as_null=True,
            )


def has_parquet() -> bool:
    """Tell whether GeoParquet can be written."""
    return find_spec("pyarrow") is not None


def write_geoparquet(folder: Path, tables: Sequence[Table]) -> None:
    """Write `<layer>.parquet` into a folder.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    if not has_parquet():
        msg = "--format parquet: needs pyarrow; pip install 'survey[gis]'"
        raise ConfigError(msg)
    make_folder(folder)
    for table in tables:
        frame = geopandas.GeoDataFrame(dict(table.columns), geometry=table.geometry, crs=table.crs)
        with replacing(folder / f"{file_stem(table)}.parquet") as temporary:
            frame.to_parquet(temporary, index=False, compression="zstd")
