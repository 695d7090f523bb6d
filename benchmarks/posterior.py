"""Time and memory of the posterior of a million hectares."""

import argparse
import resource
import time

import numpy as np

from survey.risk import Belief, CellEvidence, Prior, PriorField, infer
from survey.values import ORDNANCE_GROUPS

_SHAPES = (0.2, 0.5, 1.0, 4.0)
"""What shapes and rates of groups are multiplied by where they are of their own."""


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--alarms-per-ha", type=float, nargs="+", default=[0.1, 1.0, 10.0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--own-rates", action="store_true", help="groups of rates of their own, as evidence gives them")
    given = parser.parse_args()
    rng = np.random.default_rng(1)
    prior = Prior(mean_items_per_ha=0.5, shape=0.5)
    field = prior.over(given.cells)
    if given.own_rates:
        shape = field.shape * _SHAPES
        field = PriorField(shape, shape / field.mean_ha)
    print(f"{given.cells} hectares, searched shares uniform in 0..1, {given.threads} threads")
    for alarms in given.alarms_per_ha:
        searched = rng.random(given.cells)
        real = rng.poisson(0.6 * searched * rng.gamma(prior.shape, 1 / prior.rate_ha, given.cells))
        count = real + rng.poisson(alarms * searched)
        cell = np.repeat(np.arange(given.cells), count)
        evidence = CellEvidence(
            searched,
            log_ratio=rng.normal(0, 1.5, len(cell)),
            cell=cell,
            mark=rng.integers(0, len(ORDNANCE_GROUPS) + 1, len(cell)),
            confirmed=np.zeros(len(cell), bool),
        )
        rates = [0.2 * alarms * 10] * (len(ORDNANCE_GROUPS) + 1)
        belief = Belief(found=60.5, missed=40.5, alarms=tuple(rates), area_ha=10.0)
        began, worked = time.perf_counter(), time.process_time()
        infer(evidence, prior=field, belief=belief, threads=given.threads)
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        told = f"{seconds:6.1f} s, {worked:6.1f} s of processor, peak {peak:.2f} GiB"
        print(f"{alarms:6g} false alarms/ha, {len(cell):9} sightings: {told}", flush=True)


if __name__ == "__main__":
    main()
