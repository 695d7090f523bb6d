"""The STAC item by the published schema of the core, and by what the extensions that it names ask of their fields.

Schemas of extensions are published on the web only, so their rules are written out here.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from survey.deliver.stac import ITEM, write_stac
from survey.deliver.tables import Table
from survey.files import sha256_of
from tests.deliver.conftest import FLOWN

FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"


def read(folder: Path) -> dict[str, Any]:
    item: dict[str, Any] = json.loads((folder / ITEM).read_bytes())
    return item


def refuse_by_schema(item: dict[str, Any]) -> None:
    """Raise where an item is not one by the schema of STAC 1.1.0, without the network."""
    pytest.importorskip("jsonschema")
    validation = pytest.importorskip("pystac.validation")
    validation.validate_dict(item, extensions=[])


def refuse_by_extensions(item: dict[str, Any], folder: Path) -> None:
    """Raise where a field of an extension is not what the extension says, or an extension is named and not used."""
    named, fields = item["stac_extensions"], item["properties"]
    assert len(set(named)) == len(named)
    assert set(named) <= {FILE, PROJECTION}
    assert ("proj:code" in fields) == (PROJECTION in named)
    if PROJECTION in named:
        assert fields["proj:code"] is None or fields["proj:code"].split(":")[1].isdecimal()
    for asset in item["assets"].values():
        path = folder / asset["href"]
        assert asset["file:size"] == path.stat().st_size
        checksum = asset["file:checksum"]  # multihash in small hexadecimal digits: code 0x12, 32 bytes, then the hash
        assert checksum == f"12{32:02x}{sha256_of(path)}"


def test_an_export_is_an_item_by_the_published_schema(exported: Path, coarse: Path) -> None:
    for folder in (exported, coarse):
        item = read(folder)
        refuse_by_schema(item)
        refuse_by_extensions(item, folder)
        assert PROJECTION in item["stac_extensions"]
        assert item["properties"]["start_datetime"] == f"{FLOWN}T00:00:00Z"
        outline = shapely.geometry.shape(item["geometry"])
        assert outline.bounds == pytest.approx(item["bbox"])
        assert outline.is_valid
        assert outline.exterior.is_ccw  # as GeoJSON asks


def test_every_file_of_an_export_is_an_asset(exported: Path) -> None:
    listed = {asset["href"].removeprefix("./") for asset in read(exported)["assets"].values()}
    there = {p.relative_to(exported).as_posix() for p in exported.rglob("*") if p.is_file()}
    assert listed == {name for name in there if ".gdb/" not in name} - {ITEM, "MANIFEST.json"}


def test_an_export_without_a_place_is_an_item_too(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a\n")
    nowhere = Table("", "t.gpkg", "t", "EPSG:32638", np.array([None], dtype=object), {})
    for tables in ([], [nowhere]):
        write_stac(tmp_path, tables, run_id="r", flown=(FLOWN, FLOWN))
        item = read(tmp_path)
        refuse_by_schema(item)
        refuse_by_extensions(item, tmp_path)
        assert item["geometry"] is None
        assert "bbox" not in item


@pytest.mark.parametrize("key", ["geometry", "links", "assets", "id", "bbox", "properties"])
def test_the_schema_refuses_an_item_without_a_part(exported: Path, key: str) -> None:
    item = read(exported)
    del item[key]
    with pytest.raises(Exception, match=r"(?i)valid|required|type"):
        refuse_by_schema(item)
