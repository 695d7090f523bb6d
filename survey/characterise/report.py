"""A characterisation for people: a table in words, and a plot."""

import io
from collections.abc import Mapping
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from survey.characterise.composites import Trials
from survey.detect.detectability import Detectability
from survey.evaluate import recall_rate
from survey.files import write_bytes

SIZES = (0.0, 8.0, 16.0, 32.0, np.inf)
COVERS = (0.0, 0.3, 0.6, 1.0)
BLURS = (0.0, 1.0, 2.0, np.inf)
_ALTERED = {
    "altered": "; false colour is told by a fit without the site",
    "altered_known": "; by a fit with the site",
    "altered_new_kind": "; by a fit without the site and without kinds alike",
}
_COLOURS = ("#1f5fa8", "#c98a1b", "#b5332a")


def strata(trials: Trials, curve: Detectability) -> list[dict[str, Any]]:
    """Return what was found in bins of size, cover and blur, beside what the curve says; empty bins are left out."""
    told = curve.recall(trials.px, trials.occluded, trials.blur_px)[0]
    rows: list[dict[str, Any]] = []
    for name, values, edges in (
        ("px across", trials.px, SIZES),
        ("share hidden", trials.occluded, COVERS),
        ("blur, px", trials.blur_px, BLURS),
    ):
        for low, high in pairwise(edges):
            inside = (values >= low) & ((values < high) | (high == edges[-1]))
            if inside.any():
                rate = recall_rate(int(trials.found[inside].sum()), int(inside.sum()))
                bounds = {"from": low, "to": high if np.isfinite(high) else None}
                shares = {"value": rate.value, "low": rate.low, "high": rate.high, "curve": float(told[inside].mean())}
                rows.append({"by": name, **bounds, "found": rate.count, "of": int(rate.of), **shares})
    return rows


def in_words(report: Mapping[str, Any]) -> str:
    """Return the table that the command line prints."""
    novelty, curve = report["novelty"], report["detectability"]
    rates = novelty["rates"]
    head = f"novelty of model {report['model']['id']}: {novelty['windows']} windows of {', '.join(novelty['sites'])}"
    lines = [head, "  pictures flagged              as they are   site left out   pictures"]
    for site, rate in rates["as_is"].items():
        left = f"{rates['left_out'][site]:.2f}" if site in rates["left_out"] else "-"
        lines.append(f"  {site:<30}{rate:>11.2f}{left:>16}{rates['pictures'][site]:>11}")
    for key, what in _ALTERED.items():
        lines.append(f"  altered pictures flagged, by site{what}")
        for kind, sites in rates[key].items():
            lines.append(f"  {kind:<50}" + ", ".join(f"{site} {rate:.2f}" for site, rate in sites.items()))
    one, size, hidden, blur = curve["coefficients"]
    found = f"{curve['found']} of {curve['trials']} found at score {curve['score']:g}"
    lines += [
        f"detectability: {found}, {curve['by_chance']:.3f} by chance",
        f"  logit = {one:.2f} + {size:.2f} log2(px) + {hidden:.2f} hidden + {blur:.2f} blur px",
    ]
    for row in curve["strata"]:
        upper = f"{row['to']:g}" if row["to"] is not None else "more"
        label = f"{row['by']} {row['from']:g} to {upper}"
        share = f"{row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f}; {row['found']} of {row['of']})"
        lines.append(f"  {label:<30}{share}, curve {row['curve']:.2f}")
    if report["implants"] is not None:
        lines.append(f"implants found at score {report['implants']['score']:g}")
        for site, own in report["implants"]["by_site"].items():
            rate, mark = recall_rate(own["found"], own["laid"]), "*" if site in report["implants"]["sites"] else " "
            share = f"{rate.value or 0:.2f} ({rate.low:.2f} to {rate.high:.2f}; {own['found']} of {own['laid']})"
            lines.append(f"{mark} {site:<30}{share}, {own['set_aside']} set aside")
        lines.append("* the reference: where the card's recall was counted")
    return "\n".join(lines + [f"note: {caution}" for caution in report["cautions"]])


def write_plot(path: Path, *, curve: Detectability, trials: Trials) -> bool:
    """Draw recall over size, cover and blur with its interval; tell whether there is matplotlib to draw with."""
    if find_spec("matplotlib") is None:
        return False
    from matplotlib.figure import Figure  # noqa: PLC0415 - an optional extra

    figure = Figure(figsize=(11, 3.8), layout="constrained")
    left, middle, right = figure.subplots(1, 3, sharey=True)
    px = np.geomspace(*curve.size_px, 80)
    share, blur = np.linspace(*curve.occluded, 80), np.linspace(*curve.blur_px, 80)
    for colour, hidden in zip(_COLOURS, (0.0, 0.4, 0.8), strict=True):
        _draw(left, px, curve.recall(px, hidden, 0.0), colour, f"{hidden:.0%} hidden, sharp")
    for colour, size in zip(_COLOURS, (8.0, 16.0, 32.0), strict=True):
        _draw(middle, share, curve.recall(size, share, 0.0), colour, f"{size:g} px, sharp")
        _draw(right, blur, curve.recall(size, 0.0, blur), colour, f"{size:g} px, open")
    left.set(xscale="log", xlabel="px across", ylabel="recall on composites", ylim=(0, 1.02))
    left.set_xticks([4, 8, 16, 32, 64], labels=["4", "8", "16", "32", "64"])
    left.minorticks_off()
    middle.set(xlabel="share hidden")
    right.set(xlabel="blur, sigma in px")
    left.set_title(f"{int(trials.found.sum())} of {len(trials.px)} found", fontsize=10)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    write_bytes(path, buffer.getvalue())
    return True


def _draw(axes: Any, x: Any, bands: Any, colour: str, label: str) -> None:
    value, low, high = bands
    axes.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
    axes.plot(x, value, color=colour, label=label)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
