"""The curve of benefit against effort, as CSV and as PNG."""

import csv
import io
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.files import write_bytes

Curves = Mapping[str, tuple[list[str], Mapping[str, NDArray[np.float64]]]]
"""By the name of the order: the areas taken, and cumulative columns of the same length."""
_COLOURS = {"plan": "#1f5fa8", "risk alone": "#c98a1b", "nearest first": "#777777"}


def write_csv(path: Path, curves: Curves) -> None:
    """Write one row an area and order, with what has been spent and reached when it is completed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = list(next(iter(curves.values()))[1])
    writer.writerow(["order", "step", "work_area", *columns])
    for name, (areas, values) in curves.items():
        for step, area in enumerate(areas):
            writer.writerow([name, step + 1, area, *(f"{values[column][step]:.6g}" for column in columns)])
    write_bytes(path, text.getvalue().encode())


def write_png(path: Path, curves: Curves, *, totals: Mapping[str, float]) -> bool:
    """Draw shares of items and of exposure over team-weeks; tell whether there is matplotlib to draw with.

    An older picture is removed where there is none: it would show another plan.
    """
    if find_spec("matplotlib") is None:
        path.unlink(missing_ok=True)
        return False
    from matplotlib.figure import Figure  # noqa: PLC0415 - an optional extra

    figure = Figure(figsize=(9, 4), layout="constrained")
    panels = {"items_found": "share of expected items found", "exposure_relieved": "share of exposure relieved"}
    for axes, (column, label) in zip(figure.subplots(1, 2, sharex=True), panels.items(), strict=True):
        for name, (_, values) in curves.items():
            _draw(axes, values["team_weeks"], values[column] / (totals[column] or 1.0), name=name)
        axes.set(xlabel="team-weeks", ylabel=label, ylim=(0, 1.02))
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    write_bytes(path, buffer.getvalue())
    return True


def _draw(axes: Any, effort: NDArray[np.float64], reached: NDArray[np.float64], *, name: str) -> None:
    axes.plot(np.concatenate([[0], effort]), np.concatenate([[0], reached]), color=_COLOURS[name], label=name)
