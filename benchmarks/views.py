"""The second look's processor and wall time a place, by library and threads, alone and beside a busy core."""

import statistics
import subprocess
import sys
import time
from contextlib import ExitStack

import numpy as np
import torch

from survey.detect import DEFAULT_MODEL
from survey.detect.model import find_model, load_card, load_network
from survey.networks import RuntimeKind
from survey.networks.close_up import CloseUp
from survey.networks.view_runtime import make_view_runtime
from survey.resources import models_folder

PLACES = 16
REPEATS = 5


def main() -> None:
    """Measure."""
    folder = find_model(DEFAULT_MODEL, models=models_folder())
    card = load_card(folder)
    rng = np.random.default_rng(0)
    assert card.second_look is not None
    views = [rng.integers(0, 256, (PLACES, v.px, v.px, 3)).astype(np.uint8) for v in card.second_look.views]
    print(f"runtime   threads  busy   processor ms   wall ms   (a place of {len(views)} views, median of {REPEATS})")
    for busy in (False, True):
        for kind in (RuntimeKind.TORCH, RuntimeKind.OPENVINO):
            for threads in (1, 2):
                torch.set_num_threads(threads)
                network = load_network(folder, card)
                assert network.second_look is not None
                close_up = CloseUp(network.trunk.backbone, network.second_look.deep)
                runtime = make_view_runtime(close_up, kind=kind, threads=threads)
                spent = []
                with ExitStack() as stack:
                    if busy:
                        other = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
                        stack.callback(other.kill)
                    for _ in range(REPEATS + 1):  # the first compiles
                        began = time.process_time(), time.perf_counter()
                        for pixels in views:
                            runtime(pixels)
                        spent.append((time.process_time() - began[0], time.perf_counter() - began[1]))
                processor, wall = (1e3 * statistics.median(s) / PLACES for s in zip(*spent[1:], strict=True))
                print(f"{kind:9} {threads:7}  {busy:>4}   {processor:12.1f}   {wall:7.1f}", flush=True)


if __name__ == "__main__":
    main()
