"""Latency of the review: tiles handed on and encoded, the first view, and panning over many detections."""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.transform import Affine

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.page.rasters import ORIGIN, picture  # noqa: E402 - made runs are the tests' own
from tests.review.runs import write_run  # noqa: E402

CHROMIUM = "/usr/bin/chromium"
CRS = "EPSG:32638"
SPREAD_M = 1000
"""Detections lie in a square of this edge: 100,000 of them are 1000 a hectare."""


def write_mosaic(path: Path, *, edge_px: int, jpeg: bool) -> Path:
    """Write a square COG at 1 cm, with JPEG blocks that can be handed on or deflated ones that cannot."""
    first = path.with_suffix(".first.tif")
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "height": edge_px, "width": edge_px, "crs": CRS}
    layout = {
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
        "interleave": "pixel",
        "compress": "deflate",
        "zlevel": 1,
    }
    place = Affine(0.01, 0, ORIGIN[0], 0, -0.01, ORIGIN[1])
    block = picture(2048, 2048)
    with rasterio.open(first, "w", **profile, **layout, transform=place) as dataset:
        for row in range(0, edge_px, 2048):
            for col in range(0, edge_px, 2048):
                height, width = min(2048, edge_px - row), min(2048, edge_px - col)
                dataset.write(block[:, :height, :width], window=rasterio.windows.Window(col, row, width, height))
    options = {"compress": "JPEG", "quality": 85} if jpeg else {"compress": "DEFLATE", "level": 1}
    rasterio.shutil.copy(first, path, driver="COG", blocksize=512, overview_resampling="AVERAGE", **options)
    first.unlink()
    return path


class Server:
    """`survey review` as a process of its own."""

    def __init__(self, run: Path) -> None:
        command = [sys.executable, "-W", "ignore", "-c", "from survey.cli import main; main()", "review", str(run)]
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [*command, "--port", "0", "--tiles", "0"], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        self.address = ""
        while not self.address:
            match = re.search(r"http://\S+", self.process.stderr.readline())
            self.address = match[0].rstrip("/") if match else ""
        self.start_s = time.perf_counter() - began

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()

    def latencies(self, paths: list[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the milliseconds of each request, one after the other on one connection, as a browser keeps it."""
        spent = []
        with closing(HTTPConnection(self.address.removeprefix("http://"))) as connection:
            for path in paths:
                began = time.perf_counter()
                connection.request("GET", path)
                connection.getresponse().read()
                spent.append(1000 * (time.perf_counter() - began))
        return np.array(spent)


def tiles(edge_px: int, requests: int, folder: Path) -> None:
    """Measure tiles over HTTP."""
    for jpeg in (True, False):
        name = "handed on" if jpeg else "read and encoded"
        image = folder / f"mosaic-{jpeg}.tif"
        if not image.is_file():
            write_mosaic(image, edge_px=edge_px, jpeg=jpeg)
        server = Server(write_run(folder / f"tiles-{jpeg}", [image]))
        try:
            with urllib.request.urlopen(server.address + "/api/images") as answer:  # noqa: S310
                about = json.load(answer)[0]
            z, across = len(about["resolutions"]) - 1, edge_px // 512
            rng = np.random.default_rng(0)
            places = rng.integers(0, across, (requests, 2))
            spent = server.latencies([f"/tiles/{about['id']}/{z}/{col}/{row}" for col, row in places])
        finally:
            server.stop()
        p50, p95 = np.percentile(spent[5:], [50, 95])
        told = f"{edge_px} x {edge_px} px, {requests} tiles of 512 px: p50 {p50:.1f} ms, p95 {p95:.1f} ms"
        print(f"tiles {name}: {told} (server up in {server.start_s:.1f} s)", flush=True)


def page(detections: int, edge_px: int, folder: Path) -> None:
    """Measure the first view and the frames of a pan in a browser without a GPU."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - of the extra [dev]

    image = next(folder.glob("mosaic-True.tif"), None) or write_mosaic(
        folder / "mosaic-True.tif", edge_px=edge_px, jpeg=True
    )
    rng = np.random.default_rng(1)
    west, north = ORIGIN
    middle = np.array([west, north]) + np.array([1, -1]) * edge_px / 200
    inside = rng.uniform(middle - SPREAD_M / 2, middle + SPREAD_M / 2, (detections, 2))
    server = Server(write_run(folder / "many", [image], points=inside))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--disable-gpu", "--no-sandbox"])
            tab = browser.new_page(viewport={"width": 1280, "height": 800})
            for attempt in ("first", "second"):
                began = time.perf_counter()
                tab.goto(server.address)
                tab.wait_for_selector("body[data-ready=yes]")
                tab.evaluate(_DRAWN)
                print(f"{attempt} view, {detections} detections: {time.perf_counter() - began:.2f} s", flush=True)
            tab.evaluate("document.getElementById('who').close()")
            for name, resolution in {"working scale": 0.01, "counted in squares": 0.4}.items():
                frames = np.array(tab.evaluate(_PAN, resolution))
                p50, p95 = np.percentile(frames, [50, 95])
                print(f"pan at {name}: {len(frames)} frames, p50 {p50:.1f} ms, p95 {p95:.1f} ms", flush=True)
            browser.close()
    finally:
        server.stop()


_DRAWN = """new Promise((done) => {
    const { map } = window.review.map;
    map.once('rendercomplete', done);
    map.render();
})"""
_PAN = """async (resolution) => {
    const { map } = window.review.map;
    const view = map.getView();
    view.setResolution(resolution);
    await new Promise((done) => setTimeout(done, 1500));
    const frames = [];
    for (let n = 0; n < 120; n += 1) {
        const [x, y] = view.getCenter();
        view.setCenter([x + (n < 60 ? 6 : -6) * resolution, y]);
        const began = performance.now();
        map.renderSync();
        frames.push(performance.now() - began);
        await new Promise((done) => requestAnimationFrame(done));
    }
    return frames;
}"""


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edge-px", type=int, default=12_000)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--detections", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="Where the made imagery lies; a temporary folder if not given.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        tiles(given.edge_px, given.requests, folder)
        page(given.detections, given.edge_px, folder)


if __name__ == "__main__":
    main()
