"""What plans reach of the items that are really there, against risk alone and nearest first, on simulated districts.

    PYTHONPATH=. python benchmarks/priority.py --districts 10

Truth is drawn, three quarters of it flown with a recall of one half, and the plan is made from the resulting risk.
Shares are of the true items, and of exposure as the plan reckons it; mean over districts with the standard error.
"""

import argparse
import tempfile
from collections import defaultdict
from dataclasses import replace
from math import sqrt
from pathlib import Path

import numpy as np

from survey.priority import load_priority
from survey.priority.extent import grid_of
from survey.priority.ground import load_ground
from survey.priority.plan import make_plan
from survey.priority.reading import read_layers
from survey.priority.run import baseline_figures
from survey.priority.solver.baselines import compare
from tests.priority.district import simulate


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--districts", type=int, default=10)
    parser.add_argument("--edge", type=int, default=40, help="hectares along an edge")
    given = parser.parse_args()
    reached: dict[tuple[float, str], list[tuple[float, float]]] = defaultdict(list)
    gaps = []
    for seed in range(given.districts):
        with tempfile.TemporaryDirectory() as name:
            raster, settings, truth = simulate(Path(name), seed=seed, edge=given.edge)
            config, grid = load_priority(settings), grid_of(raster)
            read = read_layers(config, grid, base=settings.parent)
            ground = load_ground(raster, config, area=None, grid=grid)
        exposed = {layer: found.share for layer, found in read.exposed.items()}
        plan = make_plan(config, ground, exposed=exposed, conditions=read.conditions, unsuitable=read.unsuitable)
        gaps.append(plan.choice.gap)
        rows = compare(
            plan.problem,
            plan.choice,
            stakes=replace(plan.stakes, items=plan.sums(truth), all_items=float(truth.sum())),
            figures=baseline_figures(plan, distance_m=read.exposed["settlements"].distance_m),
            solver="milp",
            nodes=config.nodes,
        )
        for row in rows:
            reached[row["budget_share"], row["order"]].append((row["items_share"], row["exposure_share"]))
    print(f"{given.districts} districts of {given.edge**2} ha; greatest gap {max(gaps):.2%}")
    print("budget  order            true items      exposure")
    for (share, order), values in reached.items():
        mean, error = np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / sqrt(len(values))
        columns = "   ".join(f"{m:6.1%} ± {e:4.1%}" for m, e in zip(mean, error, strict=True))
        print(f"{share:>5.0%}   {order:<15}  {columns}")


if __name__ == "__main__":
    main()
