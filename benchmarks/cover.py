"""What cover and blur cost beside the network: processor seconds on the same block, as a ratio."""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from survey import load_detector
from survey.cover import cover_cells, window_blurs
from survey.values import Block, Tile, Window

REPEATS = 3
TILES = 2


def seconds_of(work: Callable[[], object]) -> float:
    """Return the median processor time of some work, after a first call."""
    work()
    found = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return statistics.median(found)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path, help="a picture of ground")
    picture = cv2.imread(str(parser.parse_args().picture), cv2.IMREAD_COLOR_RGB)
    assert picture is not None
    detector = load_detector("default", threads=1)
    core, halo = detector.core_px, detector.card.halo_px
    tiles = tuple(Tile(n, Window(0, n * core, core, core)) for n in range(TILES))
    block = Block(0, Window(0, 0, core, TILES * core), tiles)
    shape = (core + 2 * halo, TILES * core + 2 * halo)
    times = [-(-a // b) for a, b in zip(shape, picture.shape[:2], strict=True)]
    pixels = np.ascontiguousarray(np.tile(picture, (*times, 1))[: shape[0], : shape[1]], np.uint8)
    valid = np.ones(shape, bool)
    network = seconds_of(lambda: detector.search(block, pixels, valid))
    cover = seconds_of(lambda: cover_cells(pixels, valid, gsd_m=detector.card.gsd_m, halo_px=halo))
    blur = seconds_of(lambda: window_blurs(pixels, valid, core=block.core, halo_px=halo))
    print(f"{detector.runtime.name}, {block.core.area / 1e6:.1f} MP owned, median of {REPEATS}:")
    share = (cover + blur) / network
    print(f"network {network:.3f} s, cover {cover:.3f} s, blur {blur:.3f} s: {share:.1%} of the network")


if __name__ == "__main__":
    main()
