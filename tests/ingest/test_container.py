"""What leads elsewhere is not opened, and a file that lost its end does not lose its mask in silence."""

import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import rasterio

from survey.errors import InputError
from survey.ingest import open_image, valid_pixels
from survey.ingest.container import directories_whole
from survey.values import Validity
from tests.ingest.rasters import Raster, ragged, texture

SIZE = (300, 280)
ASKED: list[str] = []


@pytest.fixture
def server() -> Iterator[str]:
    """An address on this computer that notes who asks."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ASKED.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815 - the library's name

        def log_message(self, *_: object) -> None:
            pass

    ASKED.clear()
    listening = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    thread.join()
    listening.server_close()


def vrt(path: Path, source: str, *, relative: int = 0) -> Path:
    """Write a VRT of one band that refers to a source."""
    path.write_text(
        f'<VRTDataset rasterXSize="8" rasterYSize="8"><SRS>EPSG:32638</SRS>'
        "<GeoTransform>500000, 0.01, 0, 4400000, 0, -0.01</GeoTransform>"
        f'<VRTRasterBand dataType="Byte" band="1"><SimpleSource><SourceFilename relativeToVRT="{relative}">{source}'
        "</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    return path


@pytest.mark.parametrize("name", ["/vsicurl/{}/in.tif", "{}/in.tif", "/vsizip/z.zip/in.tif"])
def test_a_vrt_that_leads_elsewhere_is_refused_before_anything_is_asked_for(
    tmp_path: Path, server: str, name: str
) -> None:
    with pytest.raises(InputError, match="no plain file"):
        open_image(vrt(tmp_path / "a.vrt", name.format(server)))
    inner = vrt(tmp_path / "inner.vrt", name.format(server))
    with pytest.raises(InputError, match=r"inner.vrt: refers to"):
        open_image(vrt(tmp_path / "outer.vrt", inner.name, relative=1))
    assert ASKED == []


def test_a_description_of_a_service_is_no_imagery(tmp_path: Path, server: str) -> None:
    (tmp_path / "wms.tif").write_text(
        f'<GDAL_WMS><Service name="TMS"><ServerUrl>{server}/${{z}}/${{x}}/${{y}}.png</ServerUrl></Service></GDAL_WMS>'
    )
    with pytest.raises(InputError, match="describes imagery that lies elsewhere"):
        open_image(tmp_path / "wms.tif")
    (tmp_path / "stac.tif").write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(InputError, match="describes imagery that lies elsewhere"):
        open_image(tmp_path / "stac.tif")
    assert ASKED == []


def test_a_file_that_may_have_lost_its_mask_is_refused(tmp_path: Path) -> None:
    whole = Raster(texture(*SIZE), ragged(*SIZE), "mask").write(tmp_path / "whole.tif")
    assert directories_whole(whole)
    assert open_image(whole).validity is Validity.MASK
    content, lost = whole.read_bytes(), 0
    for share in np.linspace(0.3, 0.99, 24):
        cut = tmp_path / "cut.tif"
        cut.write_bytes(content[: int(len(content) * share)])
        try:
            assert open_image(cut).validity is Validity.MASK
        except InputError as error:
            lost += "a mask of pixels that were not imaged may be lost" in str(error)
    assert lost > 5


@pytest.mark.parametrize("big", [False, True])
def test_directories_are_followed_to_the_end_of_the_chain(tmp_path: Path, big: bool) -> None:
    layout = {"tiled": True, "blockxsize": 64, "blockysize": 64, "BIGTIFF": "YES" if big else "NO"}
    whole = Raster(texture(*SIZE), layout=layout).write(tmp_path / "a.tif")
    with rasterio.open(whole, "r+") as dataset:
        dataset.build_overviews([2, 4])
    assert directories_whole(whole)
    content = whole.read_bytes()
    start = struct.unpack("<Q", content[8:16])[0] if big else struct.unpack("<I", content[4:8])[0]
    (tmp_path / "b.tif").write_bytes(content[: start + 20])
    assert not directories_whole(tmp_path / "b.tif")
    (tmp_path / "c.tif").write_bytes(b"II*")
    (tmp_path / "d.tif").write_bytes(b"no TIFF, but long enough for one")
    assert directories_whole(tmp_path / "c.tif")
    assert directories_whole(tmp_path / "d.tif")


@pytest.mark.parametrize("left", [0, 200])
def test_a_mask_beside_the_file_that_cannot_be_read_is_told(tmp_path: Path, left: int) -> None:
    file = Raster(texture(*SIZE), ragged(*SIZE), "msk").write(tmp_path / "a.tif")
    mask = tmp_path / "a.tif.msk"
    mask.write_bytes(mask.read_bytes()[:left])
    with pytest.raises(InputError, match=r"a.tif.msk: the mask cannot be read"):
        open_image(file)


@pytest.mark.parametrize("nodata", [None, -9999.0])
def test_what_is_no_number_was_not_imaged(tmp_path: Path, nodata: float | None) -> None:
    values = (texture(*SIZE) / 255).astype(np.float32)
    values[:, :100] = np.nan
    values[1, 100:110] = np.inf
    values[:, 110:120] = -9999.0 if nodata is not None else values[:, 110:120]
    file = Raster(values).write(tmp_path / "a.tif")
    image = open_image(file, nodata=nodata)
    assert any("nodata=0" in warning for warning in image.warnings) == (nodata is None)
    with rasterio.open(file) as dataset:
        valid = valid_pixels(dataset, image, window=None, shape=SIZE)
    assert not valid[:110].any()
    assert valid[120:].all()
    assert valid[110:120].all() == (nodata is None)
