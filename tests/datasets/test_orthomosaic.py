"""Labels on a map land on the pixels that show the item, whatever the two CRSs; what is left out is told."""

import logging
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from shapely import affinity

from survey.datasets import orthomosaic
from survey.datasets.datalist import OrthomosaicEntry
from survey.datasets.sources import Picture, load_orthomosaics
from survey.errors import ConfigError
from tests.pictures import listed

ORIGIN = (500_000.0, 4_500_000.0)
HEIGHT, WIDTH = 150, 220
DOTS = [(40, 60), (100, 180)]
"""(row, col) of bright dots of 10 x 6 pixels on grey ground."""


def write_image(folder: Path, *, gsd_m: float = 0.02, crs: str = "EPSG:32638", alpha: bool = True) -> Affine:
    """Write an orthomosaic with two dots, its right tenth not imaged; return its affine."""
    pixels = np.full((4, HEIGHT, WIDTH), 90, np.uint8)
    for row, col in DOTS:
        pixels[:3, row - 5 : row + 5, col - 3 : col + 3] = 250
    pixels[3] = 255
    pixels[3, :, WIDTH - 22 :] = 0 if alpha else 255
    transform = Affine(gsd_m, 0, ORIGIN[0], 0, -gsd_m, ORIGIN[1])
    profile = {"driver": "GTiff", "height": HEIGHT, "width": WIDTH, "count": 4, "dtype": "uint8"}
    folder.mkdir(exist_ok=True)
    profile |= {"photometric": "RGB", "alpha": "YES"}
    with rasterio.open(folder / "o.tif", "w", crs=crs, transform=transform, **profile) as out:
        out.write(pixels)
    return transform


def box(transform: Affine, row: float, col: float, *, height: float = 10, width: float = 6) -> Any:
    """Return a rectangle on the map around a pixel place."""
    corners = [(col + x * width / 2, row + y * height / 2) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    return shapely.Polygon([transform * corner for corner in corners])


def write_labels(
    folder: Path, shapes: list[Any], *, crs: str = "EPSG:32638", to: str | None = None, **columns: Any
) -> None:
    columns = {"what": ["PMN"] * len(shapes), **columns}
    table = geopandas.GeoDataFrame(columns, geometry=geopandas.GeoSeries(shapes, crs=crs))
    (table if to is None else table.to_crs(to)).to_file(folder / "labels.gpkg", layer="items")


def entry(**changes: Any) -> OrthomosaicEntry:
    given: dict[str, Any] = {
        "kind": "orthomosaic",
        "site": "s",
        "images": "*.tif",
        "labels": "labels.gpkg",
        "licence": "-",
    }
    given |= {"class_column": "what", "classes": {"PMN": "ap_mine", "TM": "at_mine", "can": None}, **changes}
    (made,) = listed({"version": 1, "entries": [given]}).entries
    assert isinstance(made, OrthomosaicEntry)
    return made


def one(folder: Path, **changes: Any) -> Picture:
    (picture,) = load_orthomosaics(entry(**changes), folder)
    return picture


@pytest.mark.parametrize("to", [None, "EPSG:4326", "EPSG:3857", "EPSG:32637"])
def test_polygons_in_any_crs_land_on_what_they_mark(to: str | None, tmp_path: Path) -> None:
    transform = write_image(tmp_path)
    write_labels(tmp_path, [box(transform, *dot) for dot in DOTS], to=to, what=["PMN", "TM"])
    picture = one(tmp_path)
    assert picture.rgb.shape == (HEIGHT, WIDTH, 3)
    assert picture.gsd_m == pytest.approx(0.02, rel=1e-3)
    assert picture.items.row == pytest.approx([row for row, _ in DOTS], abs=0.1)  # centre of the dot, on pixel edges
    assert picture.items.col == pytest.approx([col for _, col in DOTS], abs=0.1)
    assert picture.items.size_px == pytest.approx([10, 10], abs=0.5)
    assert picture.items.classes == ("ap_mine", "at_mine")
    assert picture.disturbed is None
    for row, col in DOTS:
        assert (picture.rgb[row - 5 : row + 5, col - 3 : col + 3] == 250).all()


def test_pixels_that_were_not_imaged_are_grey_and_show_no_item(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    transform = write_image(tmp_path)
    places = [(40, 60), (70, WIDTH - 8), (70, WIDTH + 300)]
    write_labels(tmp_path, [box(transform, *place) for place in places])
    with caplog.at_level(logging.WARNING):
        picture = one(tmp_path)
    assert (picture.rgb[:, WIDTH - 22 :] == 127).all()
    assert len(picture.items.row) == 1
    assert "2 of 3 labels lie on no imaged ground" in caplog.text


def test_geometries_without_a_place_are_set_aside_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    transform = write_image(tmp_path)
    good = box(transform, *DOTS[0])
    x, y = transform * (100, 100)
    bow = shapely.Polygon([(x, y), (x + 1, y + 1), (x + 1, y), (x, y + 1)])
    line = shapely.LineString([(x, y), (x + 1, y)])
    write_labels(tmp_path, [good, None, None, shapely.Polygon(), bow, line])
    with caplog.at_level(logging.WARNING):
        picture = one(tmp_path)
    assert len(picture.items.row) == 1
    assert "5 of 6 rows are set aside: " in caplog.text
    for words in ("without geometry", "1 invalid", "1 neither point nor polygon"):
        assert words in caplog.text


@pytest.mark.parametrize("degrees", [0, 45, 120])
def test_the_size_of_a_polygon_is_its_length_however_it_lies(degrees: float, tmp_path: Path) -> None:
    transform = write_image(tmp_path)
    write_labels(tmp_path, [affinity.rotate(box(transform, 70, 90, height=40, width=8), degrees)])
    picture = one(tmp_path)
    assert picture.items.size_px == pytest.approx([40], rel=1e-3)
    assert (picture.items.row[0], picture.items.col[0]) == pytest.approx((70, 90), abs=0.05)


def test_the_size_of_points_comes_from_a_column_or_from_the_entry(tmp_path: Path) -> None:
    transform = write_image(tmp_path)
    points = [shapely.Point(*(transform * (col, row))) for row, col in [*DOTS, (20, 20)]]
    write_labels(tmp_path, [*points[:2], shapely.MultiPoint([points[2], points[1]])], size=[0.1, None, 0.4])
    picture = one(tmp_path, size_column="size", item_size_m=0.3)
    assert picture.items.size_px == pytest.approx([5, 15, 20, 20], rel=1e-3)
    assert picture.items.row == pytest.approx([40, 100, 20, 100], abs=0.05)
    assert one(tmp_path, item_size_m=0.3).items.size_px == pytest.approx([15] * 4, rel=1e-3)
    with pytest.raises(ConfigError, match=r"labels\.gpkg: 1 points have no size; set item_size_m"):
        one(tmp_path, size_column="size")
    with pytest.raises(ConfigError, match="column what holds no numbers"):
        one(tmp_path, size_column="what")


def test_the_ground_scale_of_mercator_is_the_true_one(tmp_path: Path) -> None:
    """At 60 degrees north a metre of Mercator is half a metre of ground."""
    x, y = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3395", always_xy=True).transform(45.0, 60.0)
    transform = write_image(tmp_path, crs="EPSG:3395", gsd_m=0.04)
    moved = Affine(0.04, 0, x, 0, -0.04, y)
    with rasterio.open(tmp_path / "o.tif", "r+") as out:
        out.transform = moved
    assert moved != transform
    write_labels(tmp_path, [shapely.Point(*(moved * (60, 40)))], crs="EPSG:3395")
    picture = one(tmp_path, item_size_m=0.2)
    assert picture.gsd_m == pytest.approx(0.02, rel=5e-3)
    assert picture.items.size_px[0] == pytest.approx(10, rel=5e-3)


def test_fine_imagery_is_reduced_and_its_items_with_it(tmp_path: Path) -> None:
    transform = write_image(tmp_path, gsd_m=0.00175)
    write_labels(tmp_path, [box(transform, *DOTS[0])])
    picture = one(tmp_path)
    assert picture.gsd_m == 0.0035
    assert picture.rgb.shape == (75, 110, 3)
    assert picture.imaged_px is not None
    assert 0 < picture.imaged_px <= 75 * 110
    assert (picture.items.row[0], picture.items.col[0]) == pytest.approx((20, 30), abs=0.05)
    assert picture.items.size_px[0] == pytest.approx(5, rel=0.01)


def test_a_large_orthomosaic_is_cut_and_an_item_on_a_seam_is_in_every_part_that_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orthomosaic, "PART_PX", 64)
    transform = write_image(tmp_path, alpha=False)
    write_labels(tmp_path, [box(transform, *dot) for dot in [*DOTS, (30, 65)]])
    parts = load_orthomosaics(entry(weight=2.0), tmp_path, overlap_px=0)
    assert sum(p.rgb.shape[0] * p.rgb.shape[1] for p in parts) == HEIGHT * WIDTH
    assert max(max(p.rgb.shape[:2]) for p in parts) == 64
    assert sum(p.weight for p in parts) == pytest.approx(2)
    places = {p.name.removeprefix("o.tif:"): list(zip(p.items.row, p.items.col, strict=True)) for p in parts}
    assert [round(v) for v in places["0:0"][1]] == [30, 65]  # its centre lies beyond this part
    assert [round(v) for v in places["0:64"][1]] == [30, 1]
    assert sum(len(p) for p in places.values()) == 5  # two on the seam, one elsewhere
    whole = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for part in parts:
        top, left = (int(v) for v in part.name.split(":")[1:])
        whole[top : top + part.rgb.shape[0], left : left + part.rgb.shape[1]] = part.rgb
    monkeypatch.setattr(orthomosaic, "PART_PX", 2048)
    assert np.array_equal(whole, one(tmp_path).rgb)
    monkeypatch.setattr(orthomosaic, "PART_PX", 64)
    overlapping = load_orthomosaics(entry(), tmp_path, overlap_px=16)
    assert max(max(p.rgb.shape[:2]) for p in overlapping) == 96


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": "none.gpkg"}, r"none\.gpkg: no such file"),
        ({"layer": "x"}, "has no layer x; it has items"),
        ({"class_column": "kind"}, "has no column kind; it has what"),
        ({"size_column": "size"}, "has no column size"),
        ({"classes": {"TM": "at_mine"}}, "the value 'PMN' of column what is not in 'classes'"),
        ({"images": "*.jpg"}, "matches no file"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    transform = write_image(tmp_path)
    write_labels(tmp_path, [box(transform, *DOTS[0])])
    with pytest.raises(ConfigError, match=words):
        load_orthomosaics(entry(**changes), tmp_path)


def test_layers_and_a_missing_crs_are_told(tmp_path: Path) -> None:
    transform = write_image(tmp_path)
    write_labels(tmp_path, [box(transform, *DOTS[0])])
    table = geopandas.GeoDataFrame({"what": ["can"]}, geometry=[shapely.Point(*ORIGIN)])
    table.to_file(tmp_path / "bare.gpkg")
    with pytest.raises(ConfigError, match="has no CRS on the globe; assign"):
        one(tmp_path, labels="bare.gpkg")
    table.set_crs("EPSG:32638").to_file(tmp_path / "labels.gpkg", layer="more")
    with pytest.raises(ConfigError, match=r"has the layers items, more; name one \('layer'"):
        one(tmp_path)
    assert len(one(tmp_path, layer="items").items.row) == 1
    assert len(one(tmp_path, layer="more", item_size_m=0.1).items.row) == 0  # mapped to nothing


def test_an_image_without_a_place_is_refused(tmp_path: Path) -> None:
    transform = write_image(tmp_path)
    write_labels(tmp_path, [box(transform, *DOTS[0])])
    with rasterio.open(tmp_path / "o.tif", "r+") as out:
        out.transform = Affine.identity()
    with pytest.raises(ConfigError, match=r"o\.tif: has no geotransform"):
        one(tmp_path)


def test_real_orthomosaics_take_labels(shared_data: Path, tmp_path: Path) -> None:
    """A point at the middle of a real mosaic of Mercator lands in the middle of its pixels."""
    name = "ortho/5dded5bc0140b80006d2e565_23.tif"
    with rasterio.open(shared_data / name) as image:
        middle = shapely.Point(*(image.transform * (image.width / 2, image.height / 2)))
        crs, height, width, step = image.crs, image.height, image.width, image.transform.a
    series = geopandas.GeoSeries([middle], crs=crs.to_wkt()).to_crs("EPSG:4326")
    (tmp_path / "ortho").mkdir()
    (tmp_path / name).symlink_to(shared_data / name)
    geopandas.GeoDataFrame({"what": ["PMN"]}, geometry=series).to_file(tmp_path / "labels.gpkg")
    pictures = load_orthomosaics(entry(images="ortho/*.tif", item_size_m=0.5), tmp_path, overlap_px=0)
    found = [
        (p.items.row[0] + int(p.name.split(":")[1]), p.items.col[0] + int(p.name.split(":")[2]))
        for p in pictures
        if len(p.items.row)
    ]
    scale = pictures[0].gsd_m / step
    assert scale <= 1.01  # never coarser on the ground than on the map
    assert found[0] == pytest.approx((height / 2, width / 2), rel=0.01)
