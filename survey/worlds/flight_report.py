"""The report of `survey calibrate-flights`: tables in words, and a plot."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from survey.evaluate import recall_rate
from survey.worlds.believed import MEASURED
from survey.worlds.flight_scores import RANK_BINS

_NAME = 28
"""Width of the first column."""
_SIMULATED = "Simulated ground and items: this tests the chain from pictures to layers, not real ground."
_COVERS = "by 90 % intervals, ties broken once (exact; by flights)"


def in_words(report: Mapping[str, Any]) -> str:
    """Return the tables that the command line prints."""
    parts = [[_flights(report), _cards(report)], _laid(report), _posteriors(report), _maps(report), _with_laid(report)]
    lines = [line for part in parts for line in (*part, "")]
    return "\n".join(
        [*lines, "Simulated ground and items: this tests the chain from pictures to layers, not real ground."]
    )


def _flights(report: Mapping[str, Any]) -> str:
    flights, area = report["flights"], report["searched_ha"]
    scored = f"{flights['scored']} simulated flights scored, {area['scored']:.1f} ha searched"
    others = f"card and curves from {flights['measuring']} others, {area['measuring']:.1f} ha"
    prior = report["settings"]["prior_items_per_ha"]
    return f"{scored}; {others}. Model {report['model']}, prior {prior:g} items per hectare."


def _cards(report: Mapping[str, Any]) -> str:
    card, seen = report["cards"][MEASURED], report["scored_flights"]
    low, high = card["false_alarms_interval"]
    alarms = f"{card['false_alarms_per_ha']:.0f} false alarms per hectare ({low:.0f} to {high:.0f})"
    scored = (
        f"{seen['found']} of {seen['items']}, {seen['false_alarms'] / report['searched_ha']['scored']:.0f} per hectare"
    )
    return f"Card: {card['found']} of {card['items']} items found, {alarms}. Scored flights: {scored}."


def _laid(report: Mapping[str, Any]) -> list[str]:
    """Return what was found of laid items, and what the cards made of it."""
    told, seen = report["implants"], report["scored_flights"]
    columns = f"{'reference':>20}{'recall':>9}{'here, over flights':>24}{'share claimed':>15}{'then':>7}"
    measuring, scored = _share(told["measuring"]), _share(told["scored"])
    lines = [
        f"Laid items found: {measuring} on the measuring flights, {scored} on the scored ones.",
        f"{'carried by them':<{_NAME}}{columns}",
    ]
    for name, own in told["cards"].items():
        plain, here = own["without"]["recall_by_flight"][0], own["with"]["recall_by_flight"]
        spread = f"{np.mean(here):.2f} ({min(here):.2f} to {max(here):.2f})"
        shares = f"{own['without']['share']:>15.3f}{own['with']['share']:>7.3f}"
        reference = _share(own["reference"]) if own["reference"]["laid"] else "none"
        lines.append(f"{name:<{_NAME}}{reference:>20}{plain:>9.2f}{spread:>24}{shares}")
    found = recall_rate(seen["found"], seen["items"])
    true = f"{seen['found']} of {seen['items']} = {found.value or 0:.3f} ({found.low:.3f} to {found.high:.3f})"
    return [*lines, f"Found in truth: {true}"]


def _posteriors(report: Mapping[str, Any]) -> list[str]:
    columns = f"{'items':>7}{'expected':>10}{'rank p':>9}{'covered':>9}"
    lines = [f"{'posterior with':<{_NAME}}{'of':<13}{columns}   {_COVERS}"]
    for name, groups in report["calibration"].items():
        for group, c in groups.items():
            exact, drawn = c["interval_exact"], c["interval_by_flights"]
            numbers = f"{c['items']:>7}{c['expected_items']:>10.1f}{c['rank_p']:>9.2g}{c['inside_over_ties']:>9.1f}"
            once = f"{c['inside']} of {c['hectares']} = {c['coverage_90']:.3f}"
            ends = f"({exact[0]:.3f} to {exact[1]:.3f}; {drawn[0]:.3f} to {drawn[1]:.3f})"
            lines.append(f"{name:<{_NAME}}{group:<13}{numbers}   {once} {ends}")
    return lines


def _maps(report: Mapping[str, Any]) -> list[str]:
    keys = _scores_in(report)
    lines = [f"{'map':<{_NAME}}" + "".join(f"{key:>25}" for key in keys) + "    ECE"]
    for name, scores in report["scores"].items():
        cells = [f"{scores[k]['value']:.3f} ({scores[k]['low']:.3f}..{scores[k]['high']:.3f})".rjust(25) for k in keys]
        lines.append(f"{name:<{_NAME}}{''.join(cells)}{scores['reliability']['ece']:>7.3f}")
    return lines


def _with_laid(report: Mapping[str, Any]) -> list[str]:
    """Return by how much laid items change the scores of a card's posterior, on the same drawn flights."""
    keys = _scores_in(report)
    lines = [f"{'score with less without':<{_NAME}}" + "".join(f"{key:>25}" for key in keys)]
    for name, scores in report["scores_of_laid"].items():
        lines.append(f"{name:<{_NAME}}" + "".join(_signed(scores[key]["less_base"]).rjust(25) for key in keys))
    return lines


def _scores_in(report: Mapping[str, Any]) -> list[str]:
    return [key for key in report["scores"][MEASURED] if key != "reliability"]


def _share(counts: Mapping[str, int]) -> str:
    return f"{counts['found']} of {counts['laid']} ({counts['found'] / max(counts['laid'], 1):.2f})"


def _signed(ends: Mapping[str, float]) -> str:
    return f"{ends['value']:+.3f} ({ends['low']:+.3f}..{ends['high']:+.3f})"


def plot(report: Mapping[str, Any]) -> bytes:
    """Return ranks with each card and the reliability of all maps as PNG."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - an optional extra

    rows, columns = 2, -(-(len(report["calibration"]) + 1) // 2)
    figure = Figure(figsize=(4.5 * columns, 4 * rows), layout="constrained")
    axes = figure.subplots(rows, columns).ravel()
    for axis, (name, groups) in zip(axes, report["calibration"].items(), strict=False):
        total = groups["total"]
        counts = np.array(total["rank_counts"]) * RANK_BINS / total["hectares"]
        axis.bar((np.arange(RANK_BINS) + 0.5) / RANK_BINS, counts, 1 / RANK_BINS, color="#1f5fa8", edgecolor="white")
        axis.axhline(1, color="#777777", lw=0.8)
        title = f"{name}: 90 % covers {total['inside']} of {total['hectares']} ha"
        axis.set(title=title, xlabel="rank of the true number of items", ylabel="density")
        axis.title.set_fontsize(10)
    for unused in axes[len(report["calibration"]) : -1]:
        unused.set_axis_off()
    for name, scores in report["scores"].items():
        bins = scores["reliability"]["bins"]
        told, true = [b["told"] for b in bins], [b["true"] / b["of"] for b in bins]
        axes[-1].plot(told, true, marker=".", lw=1, label=name)
    axes[-1].plot([0, 1], [0, 1], color="#777777", lw=0.8, ls=":")
    axes[-1].set(xlabel="P(at least one) told", ylabel="share that is true", xlim=(0, 1), ylim=(0, 1))
    axes[-1].legend(fontsize=7)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()
