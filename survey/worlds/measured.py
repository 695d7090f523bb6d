"""A performance card measured on simulated flights, as one would be measured on ground with known items."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from survey.calibration import Calibration
from survey.evaluate import recall_rate
from survey.evaluate.calibrate import Sample, fit_calibration
from survey.evaluate.intervals import Units
from survey.implant import Tally
from survey.values import Performance
from survey.worlds.flown import Flown

Array = NDArray[np.float64]


def measure(flown: Sequence[Flown], *, classes: tuple[str, ...], max_gsd_m: float) -> tuple[Performance, Calibration]:
    """Return recall, false alarms and calibration of a search as these flights show them, with their counts.

    What was found of items laid on these flights is the reference of that recall.

    Args:
        flown: Flights that nothing else is judged on.
        classes: The model's.
        max_gsd_m: The model's.
    """
    score, true, name = (np.concatenate([getattr(f, key) for f in flown]) for key in ("score", "true", "class_name"))
    flight = np.repeat(np.arange(len(flown)), [len(f.score) for f in flown])
    items, area = sum(f.on_ground for f in flown), np.array([f.searched_ha for f in flown])
    recall = recall_rate(int(true.sum()), items)
    units = Units("flight", np.arange(len(flown)), area)
    (alarms,) = units.alarm_rates([flight[~true]])
    place = {own: n for n, own in enumerate(classes)}
    sample = Sample(
        logit_of(score),
        true,
        np.array([place[str(n)] for n in name], np.intp),
        np.array([f"{n}" for n in flight], np.str_),
        "flight",
        classes,
    )
    laid = sum((f.implants for f in flown), Tally())
    calibration = fit_calibration(sample, fitted_on=f"{len(flown)} simulated flights").calibration
    performance = Performance(
        recall=max(recall.value or 0.0, 0.5 / (items + 1)),
        recall_interval=(recall.low, recall.high),
        false_alarms_per_ha=max(alarms.value or 0.0, 0.5 / float(area.sum())),
        false_alarms_interval=(alarms.low, alarms.high),
        prevalence=calibration.prevalence,
        max_gsd_m=max_gsd_m,
        items=items,
        found=int(true.sum()),
        false_alarms=alarms.count,
        searched_ha=float(area.sum()),
        false_alarms_by_class=_called(name[~true], classes),
        found_by_class=_called(name[true], classes),
        site_alarms=tuple(np.bincount(flight[~true], minlength=len(flown)).tolist()),
        site_ha=tuple(area.tolist()),
        own_curves=tuple(sorted(calibration.classes)),
        implants_laid_reference=laid.laid,
        implants_found_reference=laid.found,
    )
    return performance, calibration


def _called(names: NDArray[np.str_], classes: tuple[str, ...]) -> dict[str, int]:
    return {own: int(np.count_nonzero(names == own)) for own in classes}


def logit_of(score: Array) -> Array:
    """Return the logit of a network's score."""
    kept = np.clip(score, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(kept / (1 - kept)), np.float64)
