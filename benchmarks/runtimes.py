"""The released network's pixels a second by runtime, precision and tile size."""

import argparse
import statistics
import time

import numpy as np

from survey import load_detector
from survey.networks import Precision, RuntimeKind

EDGES = (512, 1024, 1536, 2048)
"""Cores in pixels; the halo is computed on top and does not count."""
REPEATS = 5


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="default")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    print("runtime   precision  core   owned MP/s (median of", REPEATS, ")")
    for kind in (RuntimeKind.TORCH, RuntimeKind.OPENVINO):
        for precision in (Precision.FP32, Precision.BF16):
            detector = load_detector(options.model, runtime=kind, precision=precision)
            for edge in EDGES:
                side = edge + 2 * detector.card.halo_px
                tile = rng.integers(0, 256, (side, side, 3), np.uint8)
                detector.runtime(tile)
                seconds = []
                for _ in range(REPEATS):
                    began = time.perf_counter()
                    detector.runtime(tile)
                    seconds.append(time.perf_counter() - began)
                print(
                    f"{kind:9} {precision:9} {edge:5}  {edge * edge / 1e6 / statistics.median(seconds):6.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
