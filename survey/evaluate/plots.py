"""Plots of an evaluation as PNG: FROC, precision over recall, reliability, scores."""

import io
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from survey.evaluate.curves import chance_recall, curve
from survey.evaluate.scores import Scores
from survey.files import write_bytes

MISSING = "no plots: pip install 'survey[evaluate]' brings matplotlib"
_BLUE, _RED, _GREY = "#1f5fa8", "#b5332a", "#777777"


def write_plots(folder: Path, *, scores: Scores, report: Mapping[str, Any]) -> list[str]:
    """Write the plots that there is something to plot for.

    Returns:
        File names; empty where matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        return []
    drawn = {"scores.png": _scores}
    if len(scores.items.x):
        drawn |= {"froc.png": _froc, "precision-recall.png": _precision_recall}
    if report["reliability"]["before"]:
        drawn["reliability.png"] = _reliability
    from matplotlib.figure import Figure  # noqa: PLC0415 - an optional extra

    for name, draw in drawn.items():
        figure = Figure(figsize=(6.4, 4.6), layout="constrained")
        draw(figure.subplots(), scores, report)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
        write_bytes(folder / name, buffer.getvalue())
    return sorted(drawn)


def _froc(axes: Any, scores: Scores, report: Mapping[str, Any]) -> None:
    points = curve(scores)
    least = 0.5 / points.area_ha  # where no false alarm is counted, half of one is drawn: the axis has no zero
    x, found = np.maximum(points.alarms_per_ha, least), points.found
    low, high = _clopper_pearson(found, points.items)
    axes.fill_between(x, low, high, step="post", color=_BLUE, alpha=0.15, lw=0, label="95 % (Clopper-Pearson)")
    axes.step(x, points.recall, where="post", color=_BLUE)
    chance = [chance_recall(scores, float(rate)) for rate in x]
    axes.plot(x, chance, color=_GREY, lw=0.9, ls="--", label="sightings strewn at random")
    for point in report["froc"]:
        alarms = point["false_alarms"]
        if point["resolved"] and alarms["value"]:
            ends = [[alarms["value"] - alarms["low"]], [alarms["high"] - alarms["value"]]]
            axes.errorbar(alarms["value"], point["recall"], xerr=ends, color=_GREY, fmt=".", capsize=2)
    alarms, recall = report["false_alarms_per_ha"], report["recall"]
    label = f"operating point, score {report['least_score']:g}"
    axes.plot(max(alarms["value"], least), recall["value"], "o", color=_RED, label=label)
    axes.axvline(1 / points.area_ha, color=_GREY, lw=0.8, ls=":", label="one false alarm on all the ground")
    axes.set(xscale="log", xlabel="false alarms per hectare", ylabel="recall", ylim=(0, 1.02))
    axes.set_title(f"{points.items} items, {points.area_ha:.3g} ha", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _precision_recall(axes: Any, scores: Scores, report: Mapping[str, Any]) -> None:
    points = curve(scores)
    axes.step(points.recall, points.precision, where="pre", color=_BLUE)
    at = points.score >= report["least_score"]
    if at.any():
        last = np.flatnonzero(at)[-1]
        axes.plot(points.recall[last], points.precision[last], "o", color=_RED, label="operating point")
        axes.legend(fontsize=8)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.set_title(f"average precision by centre distance {report['centre_ap']:.3f}", fontsize=10)
    axes.grid(alpha=0.3)


def _reliability(axes: Any, scores: Scores, report: Mapping[str, Any]) -> None:  # noqa: ARG001 - as the others
    axes.plot([0, 1], [0, 1], color=_GREY, lw=0.8, ls=":")
    named = {
        "before": (_RED, "score as it is", "ece_before"),
        "after": (_BLUE, "calibrated, cross-fit", "ece_after"),
    }
    for key, (colour, words, error) in named.items():
        bins = report["reliability"][key]
        if not bins:
            continue
        x = np.array([b["probability"] for b in bins])
        true, count = (np.array([b[name] for b in bins], np.intp) for name in ("true", "of"))
        low, high = _clopper_pearson(true, count)
        share = true / count
        axes.errorbar(
            x,
            share,
            yerr=[share - low, high - share],
            color=colour,
            marker="o",
            ms=4,
            capsize=2,
            lw=1,
            label=f"{words}: ECE {report[error]:.3f}",
        )
    axes.set(xlabel="probability told", ylabel="share that is true", xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _scores(axes: Any, scores: Scores, report: Mapping[str, Any]) -> None:
    seen, edges = scores.sightings, np.linspace(0, 1, 41)
    axes.hist(seen.score[~seen.true], edges, color=_RED, alpha=0.6, label="false alarms")
    axes.hist(seen.score[seen.true], edges, color=_BLUE, alpha=0.6, label="items")
    axes.axvline(report["least_score"], color=_GREY, lw=0.8, ls=":", label="operating point")
    axes.set(xlabel="score", ylabel="sightings", yscale="symlog", xlim=(0, 1))
    axes.legend(fontsize=8)


def _clopper_pearson(
    found: NDArray[np.intp], items: int | NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low = np.where(found > 0, stats.beta.ppf(0.025, np.maximum(found, 1), items - found + 1), 0.0)
    high = np.where(found < items, stats.beta.ppf(0.975, found + 1, np.maximum(items - found, 1)), 1.0)
    return low, high
