"""The sections of an explanation that a run adds, in words and numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from survey.evidence import Section
from survey.evidence.groups import GROUP_WORDS
from survey.explain.finished import FinishedRun
from survey.explain.judged import JudgedCell
from survey.risk import UNIDENTIFIED, PriorField, marks_of
from survey.rounds.known import NOT_FOUND, REJECTED, STATES
from survey.values import GROUP_BANDS, ORDNANCE_GROUPS

CAUTION = (
    "No sighting is no proof of absence: imagery does not show what is buried, overgrown or smaller than its pixels."
)
_WORDS = {"total": "all ordnance", **GROUP_WORDS}
_SLIVER_HA = 1e-4
"""Outlines are coarser than the ground that was counted: less than a square metre is not told."""


def configured_prior(density: PriorField) -> Section:
    """Return the prior of a run that took no evidence.

    Args:
        density: Of one cell.
    """
    lines = ["the same in every cell, as the run was configured: no evidence of this place was used"]
    numbers: dict[str, Any] = {}
    for group, *values in zip(
        ORDNANCE_GROUPS, density.shape[0], density.expected()[0, 1:], density.present()[0, 1:], strict=True
    ):
        shape, mean, some = (float(v) for v in values)
        lines.append(
            f"{GROUP_WORDS[group]}: {mean:.3g} expected before any search, at least one with probability {some:.2g} "
            f"(Gamma, shape {shape:.2g})"
        )
        numbers |= {f"rate_{group}": mean, f"shape_{group}": shape}
    return Section("Prior", tuple(lines), numbers)


def nobody_flew() -> Section:
    """Return what a run says of a cell that it has no picture of."""
    said = "NOBODY FLEW this cell: it was not searched, the run's risk has no data here, and the prior is all there is"
    return Section("Search", (said,), {"flown": False, "searched_ha": 0.0})


def search(run: FinishedRun, cell: JudgedCell, *, unsearched: Mapping[str, float]) -> Section:
    """Return how well a cell was searched, and what that alone made of the prior.

    Args:
        run: The run.
        cell: The cell.
        unsearched: Hectares that were flown and not searched, by reason.
    """
    left = {why: ha for why, ha in unsearched.items() if ha >= _SLIVER_HA}
    low, high = (float(v) for v in beta.ppf((0.05, 0.95), cell.belief.found, cell.belief.missed))
    steps, first = cell.steps, 0
    numbers: dict[str, Any] = {
        "flown": True,
        "searched_ha": cell.searched,
        "unsearched_ha": left,
        "looks": cell.looks,
        "visibility": cell.visible,
        "recall": cell.belief.recall,
        "recall_q05": low,
        "recall_q95": high,
        "effective_search": cell.effective,
        "implants": None if run.implants is None else {k: v for k, v in run.implants.items() if k != "told"},
        "steps": [
            {
                "group": name,
                "expected_items": [float(steps.prior_expected[first, k]), float(steps.searched_expected[first, k])],
                "p_at_least_one": [float(steps.prior_p[first, k]), float(steps.searched_p[first, k])],
            }
            for k, name in enumerate(("total", *ORDNANCE_GROUPS))
        ],
    }
    lines = []
    if cell.searched > 0:
        lines.append(f"{100 * cell.searched:.3g} % of the cell was searched")
    else:
        lines.append("flown, but NOT SEARCHED: it keeps its prior")
    lines += [f"about {ha:.2g} ha was flown and not searched: {why}" for why, ha in left.items()]
    if cell.searched > 0:
        counts = run.performance
        measured = f", {counts.found} of {counts.items} items found in its measurement" if counts.items else ""
        lines.append(
            f"recall of the model {run.model}: {cell.belief.recall:.2g} expected, 90 % between {low:.2g} and {high:.2g}"
            f"{measured}"
        )
        if run.implants is not None and run.implants["laid"]:
            lines.append(str(run.implants["told"]))
        if cell.visible < 1:
            lines.append(f"cover and blur left {100 * cell.visible:.3g} % of that recall")
        if cell.looks != 1:
            lines.append(f"its views were worth {cell.looks:.3g} looks")
        lines.append(f"so an item of this cell would have been found with probability {cell.effective:.2g}")
        lines += [
            f"without any sighting, {_WORDS[step['group']]} would have gone from {step['expected_items'][0]:.3g} to "
            f"{step['expected_items'][1]:.3g} expected, and at least one from probability "
            f"{step['p_at_least_one'][0]:.2g} to {step['p_at_least_one'][1]:.2g}"
            for step in numbers["steps"]
        ]
    return Section("Search", tuple(lines), numbers)


def sightings(run: FinishedRun, cell: JudgedCell, *, state: NDArray[np.object_] | None = None) -> Section:
    """Return the sightings of a cell, strongest first, and how each moved what was believed after those before it.

    Args:
        run: The run.
        cell: The cell.
        state: (N,) what a round says of each sighting of the run, if one is explained.
    """
    found, marks = run.detections, marks_of(run.detections.classes, run.detections.class_index)
    views = np.bincount(run.items, minlength=int(run.items.max(initial=-1)) + 1)
    names, lines, told = found.class_names, [], []
    for n, (index, ratio) in enumerate(zip(cell.sighting[: cell.told], cell.ratio, strict=False)):
        verdict = "confirmed" if cell.confirmed[n] else "not reviewed"
        if state is not None and state[index] == STATES[NOT_FOUND]:
            verdict = STATES[NOT_FOUND]
        group = ORDNANCE_GROUPS[marks[index]] if marks[index] != UNIDENTIFIED else None
        entry = {
            "detection_id": str(run.detection_ids[index]),
            "class": names[index],
            "group": group,
            "x": float(found.x[index]),
            "y": float(found.y[index]),
            "size_m": float(found.size_m[index]),
            "probability": float(found.probability[index]),
            "likelihood_ratio": None if cell.confirmed[n] else float(ratio),
            "verdict": verdict,
            "views": int(views[run.items[index]]),
            **_moved(cell, n),
        }
        told.append(entry)
        about = GROUP_WORDS[group] if group else "of no group: it is shared out among them"
        lines.append(
            f"{entry['class']} ({about}) at {entry['x']:.1f} {entry['y']:.1f}, {entry['size_m']:.2g} m, probability "
            f"{entry['probability']:.2g}, {verdict}, seen in {_times(entry['views'])}: {_in_words(entry)}"
        )
    numbers: dict[str, Any] = {"sightings": told, "rest": None, "rejected": [], "found": []}
    if rest := len(cell.sighting) - cell.told:
        numbers["rest"] = {"count": rest, **_moved(cell, cell.told)}
        lines.append(f"{rest} weaker sightings together: {_in_words(numbers['rest'])}")
    for index in cell.rejected:
        said = STATES[REJECTED] if state is None else str(state[index])
        key = "rejected" if said == STATES[REJECTED] else "found"
        numbers[key].append({"detection_id": str(run.detection_ids[index]), "class": names[index], "state": said})
        why = "rejected by review, counts as no item" if key == "rejected" else f"{said}: known, no sighting any more"
        lines.append(f"{names[index]} at {found.x[index]:.1f} {found.y[index]:.1f}: {why}")
    if not lines:
        lines.append("none" + ("" if cell.searched > 0 else ", for the cell was not searched"))
    return Section("Sightings, strongest first; each moves what those before it left", tuple(lines), numbers)


def posterior(bands: Mapping[str, float], *, in_round: bool = False) -> Section:
    """Return what the run's risk says of a cell.

    Args:
        bands: Of risk.tif.
        in_round: They are a round's, which also say what remains.
    """
    numbers = {"total": {name: bands[name] for name in GROUP_BANDS}}
    numbers |= {g: {name: bands[f"{name}_{g}"] for name in GROUP_BANDS} for g in ORDNANCE_GROUPS}
    lines = [
        f"{_WORDS[name]}: {value['expected_items']:.3g} expected (90 %: {value['q05']:.0f} to {value['q95']:.0f}), at "
        f"least one with probability {value['p_at_least_one']:.2g}, one that was not seen {value['p_unseen']:.2g}"
        for name, value in numbers.items()
    ]
    if in_round:
        left = {name: bands[name] for name in ("remaining_items", "p_remaining", "remaining_q05", "remaining_q95")}
        left["found_and_removed"] = bands["found_and_removed"]
        numbers["remaining"] = left
        lines.append(
            f"of all these {left['found_and_removed']:.0f} were found and removed; expected to remain: "
            f"{left['remaining_items']:.3g} (90 %: {left['remaining_q05']:.0f} to {left['remaining_q95']:.0f}), "
            f"at least one with probability {left['p_remaining']:.2g}"
        )
    return Section("Risk now, from all of this", (*lines, CAUTION), numbers)


def _moved(cell: JudgedCell, n: int) -> dict[str, Any]:
    """Return what a step changed, of all groups together."""
    total = cell.steps.total
    return {
        "expected_items": [float(total.expected_items[n]), float(total.expected_items[n + 1])],
        "p_at_least_one": [float(total.p_at_least_one[n]), float(total.p_at_least_one[n + 1])],
    }


def _in_words(step: Mapping[str, Any]) -> str:
    (before, after), (some, now) = step["expected_items"], step["p_at_least_one"]
    return f"{before:.3g} to {after:.3g} items expected, at least one from probability {some:.2g} to {now:.2g}"


def _times(count: int) -> str:
    return "one view" if count == 1 else f"{count} views"
