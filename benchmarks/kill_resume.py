"""Kill a run at random moments, start it again, and compare its products with those of a run left alone."""

import argparse
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

from measure import SURVEY, cost_of

from survey.simulate import simulate_flight


def contents(run: Path) -> dict[str, bytes]:
    """Return every product's bytes."""
    return {path.name: path.read_bytes() for path in sorted((run / "products").iterdir())}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--area-ha", type=float, default=0.5)
    parser.add_argument("--core-px", type=int, default=512, help="small tiles make many blocks")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)  # noqa: S311 - when to kill
    flight = simulate_flight(arguments.out / "flight", seed=3, area_ha=arguments.area_ha)
    command = [*SURVEY, "run", str(flight.image), "--set", f"core_px={arguments.core_px}", "--out"]
    whole = arguments.out / "whole"
    shutil.rmtree(whole, ignore_errors=True)
    alone = cost_of([*command, str(whole)])
    expected = contents(whole)
    blocks = len(list(whole.glob("blocks/*/*.json")))
    print(f"left alone: {alone.seconds:.1f} s, {blocks} blocks, {len(expected)} products", flush=True)
    same = 0
    for trial in range(arguments.trials):
        run = arguments.out / "killed"
        shutil.rmtree(run, ignore_errors=True)
        process = subprocess.Popen([*command, str(run)], stderr=subprocess.DEVNULL)
        moment = moments.uniform(0.0, alone.seconds)
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = {path: path.stat().st_mtime_ns for path in run.glob("blocks/*/*.json")}
        again = cost_of([*command, str(run)])
        kept = sum(path.stat().st_mtime_ns == written for path, written in done.items())
        equal = contents(run) == expected
        same += equal
        print(
            f"{trial + 1}: killed at {moment:.2f} s with {len(done)} of {blocks} blocks done; "
            f"{kept} kept, {again.seconds:.1f} s more, exit {again.exit_code}, products "
            f"{'the same' if equal else 'DIFFER'}",
            flush=True,
        )
    print(f"{same} of {arguments.trials} the same, byte for byte")


if __name__ == "__main__":
    main()
