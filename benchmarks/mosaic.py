"""Time and memory of a run over a mosaic of real frames, and over one four times as high."""

import argparse
import glob
import shutil
from pathlib import Path

import cv2
import numpy as np
import rasterio
from measure import SURVEY, cost_of
from rasterio.transform import Affine

ORIGIN = (500_000.0, 4_400_000.0)
CRS = "EPSG:32638"


def write_mosaic(frames: list[Path], path: Path, *, gsd_m: float, pixels: int) -> tuple[int, int]:
    """Lay frames side by side, row by row, each row beginning with another frame; return (rows, columns)."""
    first = cv2.imread(str(frames[0]))
    assert first is not None, frames[0]
    height, width = (n // 16 * 16 for n in first.shape[:2])
    across = max(1, round((pixels / (height * width)) ** 0.5))
    down = -(-pixels // (across * height * width))
    profile = {
        "driver": "GTiff",
        "dtype": "uint8",
        "count": 3,
        "height": down * height,
        "width": across * width,
        "crs": CRS,
        "transform": Affine(gsd_m, 0, ORIGIN[0], 0, -gsd_m, ORIGIN[1]),
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
        "compress": "jpeg",
        "photometric": "ycbcr",
        "interleave": "pixel",
        "num_threads": "all_cpus",
        "bigtiff": "yes",
    }
    with rasterio.open(path, "w", **profile) as dataset:
        for row in range(down):
            for col in range(across):
                frame = cv2.imread(str(frames[(row * 5 + col) % len(frames)]), cv2.IMREAD_COLOR_RGB)
                assert frame is not None
                turned = np.ascontiguousarray(frame[:height, :width][:: 1 if row % 2 else -1, :: 1 if col % 2 else -1])
                place = rasterio.windows.Window(col * width, row * height, width, height)
                dataset.write(np.moveaxis(turned, -1, 0), window=place)
    return down * height, across * width


def stack(path: Path, out: Path, *, shape: tuple[int, int], gsd_m: float, times: int) -> None:
    """Write a VRT that shows a picture several times, one below the other."""
    rows, cols = shape
    source = '<SimpleSource><SourceFilename relativeToVRT="1">{}</SourceFilename><SourceBand>{}</SourceBand>'
    place = (
        f'<SrcRect xOff="0" yOff="0" xSize="{cols}" ySize="{rows}"/>'
        f'<DstRect xOff="0" yOff="{{}}" xSize="{cols}" ySize="{rows}"/></SimpleSource>'
    )
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{band}"><ColorInterp>{name}</ColorInterp>'
        + "".join(source.format(path.name, band) + place.format(n * rows) for n in range(times))
        + "</VRTRasterBand>"
        for band, name in enumerate(("Red", "Green", "Blue"), 1)
    )
    out.write_text(
        f'<VRTDataset rasterXSize="{cols}" rasterYSize="{rows * times}"><SRS>{CRS}</SRS>'
        f"<GeoTransform>{ORIGIN[0]},{gsd_m},0,{ORIGIN[1]},0,{-gsd_m}</GeoTransform>{bands}</VRTDataset>"
    )


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frames", help="glob of the frames")
    parser.add_argument("--gsd", type=float, required=True, help="ground distance of a frame's pixel in metres")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--gigapixels", type=float, default=2.0)
    parser.add_argument("--times", type=int, default=4, help="height of the second mosaic")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    frames = sorted(Path(name) for name in glob.glob(arguments.frames))  # noqa: PTH207 - absolute globs
    path, tall = arguments.out / "mosaic.tif", arguments.out / "tall.vrt"
    shape = write_mosaic(frames, path, gsd_m=arguments.gsd, pixels=round(arguments.gigapixels * 1e9))
    stack(path, tall, shape=shape, gsd_m=arguments.gsd, times=arguments.times)
    for name, image, times in (("mosaic", path, 1), ("tall", tall, arguments.times)):
        run = arguments.out / f"run-{name}"
        shutil.rmtree(run, ignore_errors=True)
        cost = cost_of([*SURVEY, "run", str(image), "--out", str(run)])
        area_ha = shape[0] * times * shape[1] * arguments.gsd**2 / 1e4
        size = f"{shape[0] * times} x {shape[1]} px, {shape[0] * times * shape[1] / 1e9:.2f} Gpx, {area_ha:.2f} ha"
        print(
            f"{name}: {size}, "
            f"exit {cost.exit_code}, {cost.seconds:.0f} s, {area_ha / cost.seconds * 3600:.0f} ha/h, "
            f"peak {cost.peak_mb:.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
