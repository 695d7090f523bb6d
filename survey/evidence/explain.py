"""Why a cell has the prior that it has, in words and numbers.

An explanation is a list of sections. Whoever adds search, detections and posterior adds a section each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyproj
import rasterio
from pyproj.exceptions import CRSError
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from survey.errors import ConfigError, InputError
from survey.evidence.groups import GROUP_WORDS, GROUPS
from survey.evidence.stored import read_record
from survey.evidence.write import BACKGROUND, CLASSES, CONTRIBUTIONS, PRIOR
from survey.values import HECTARE_EDGE_M, HectareGrid

_KINDS = {
    "minefield_records": "minefield records",
    "accidents": "accidents",
    "craters": "craters",
    "confrontation_lines": "confrontation lines",
    "trenches": "trenches",
    "expert_polygons": "expert polygons",
    "used_land": "used land",
    "earlier_clearance": "earlier clearance",
}
_CLASSES = (
    "no layer gives notable evidence of a hazard, which is no evidence of absence",
    "indirect evidence of a hazard",
    "direct evidence of a hazard",
)


@dataclass(frozen=True, slots=True)
class Section:
    """One part of an explanation."""

    title: str
    lines: tuple[str, ...]
    numbers: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of one cell."""

    cell: str
    sections: tuple[Section, ...]

    def __str__(self) -> str:
        """Return it as text."""
        blocks = ["\n".join([s.title, *(f"  {line}" for line in s.lines)]) for s in self.sections]
        return "\n\n".join([self.cell, *blocks])

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def explain(x: float, y: float, *, evidence: Path, crs: str | None = None) -> Explanation:
    """Explain the cell that holds a point.

    Args:
        x: In metres of the grid's CRS, or in units of `crs` (longitude first).
        y: Likewise.
        evidence: Folder written by `survey evidence`.
        crs: CRS of the point, if another than the grid's.

    Raises:
        InputError: The folder is not one of `survey evidence`, or the point lies outside its grid.
        ConfigError: `crs` is no CRS.
    """
    record = read_record(evidence)
    grid = HectareGrid(**record["grid"])
    row, col = locate(x, y, grid=grid, crs=crs, what=f"the evidence in {evidence}")
    return Explanation(title_of(grid, row, col), (explain_prior(evidence, record, row=row, col=col),))


def locate(x: float, y: float, *, grid: HectareGrid, crs: str | None, what: str) -> tuple[int, int]:
    """Return (row, col) of the cell that holds a point.

    Args:
        x: In metres of the grid's CRS, or in units of `crs` (longitude first).
        y: Likewise.
        grid: The cells.
        crs: CRS of the point, if another than the grid's.
        what: What has the grid, for the error.

    Raises:
        InputError: The point lies outside the grid.
        ConfigError: `crs` is no CRS.
    """
    if crs is not None:
        try:
            x, y = pyproj.Transformer.from_crs(crs, grid.crs, always_xy=True).transform(x, y)
        except CRSError as error:
            msg = f"--crs {crs}: is no CRS; give a code such as EPSG:4326"
            raise ConfigError(msg) from error
    east, south = grid.x_min + grid.cols * HECTARE_EDGE_M, grid.y_max - grid.rows * HECTARE_EDGE_M
    if not (grid.x_min <= x < east and south < y <= grid.y_max):
        msg = (
            f"({x:.1f}, {y:.1f}) lies outside {what}, which covers {grid.x_min} to {east} east and {south} to "
            f"{grid.y_max} north in {grid.crs}; give x and y in it, or the point's own CRS with --crs"
        )
        raise InputError(msg)
    return int((grid.y_max - y) // HECTARE_EDGE_M), int((x - grid.x_min) // HECTARE_EDGE_M)


def title_of(grid: HectareGrid, row: int, col: int) -> str:
    """Return a cell's name, as the layer `hectares` has it, with its CRS."""
    west, bottom = grid.x_min + col * HECTARE_EDGE_M, grid.y_max - (row + 1) * HECTARE_EDGE_M
    return f"Cell E{west}N{bottom} ({grid.crs}), 1 ha"


def explain_prior(evidence: Path, record: Mapping[str, Any], *, row: int, col: int) -> Section:
    """Return the prior of a cell and what each layer did to it, in order of date."""
    prior, parts = _pixel(evidence / PRIOR, row, col), _pixel(evidence / CONTRIBUTIONS, row, col)
    ranked = int(_pixel(evidence / CLASSES, row, col)["evidence_class"])
    layers = {entry["name"]: entry for entry in record["settings"]["layers"]}
    now = {group: parts[f"{BACKGROUND}:{group}"] for group in GROUPS}
    lines = [f"expected items of the background, without any layer: {_each(now)}"]
    steps: list[dict[str, Any]] = []
    silent: list[str] = []
    for name in record["order"]:
        change = {group: parts[f"{name}:{group}"] for group in GROUPS}
        if not any(change.values()):
            silent.append(name)
            continue
        lines.append(_step(layers[name], record["classes"][name], change, now))
        steps.append({"layer": name, "before": dict(now), "change": change})
        now = {group: now[group] + change[group] for group in GROUPS}
    if silent:
        lines.append(f"no effect in this cell: {', '.join(silent)}")
    for group in GROUPS:
        rate, shape = prior[f"rate_{group}"], prior[f"shape_{group}"]
        some = 1 - (1 + rate / shape) ** -shape
        lines.append(
            f"{GROUP_WORDS[group]}: {rate:.3g} expected before any search, at least one with probability {some:.2g} "
            f"(Gamma, shape {shape:.2g})"
        )
    lines.append(f"class by {record['settings']['standard']}: {_CLASSES[ranked]}")
    numbers = {**prior, "evidence_class": ranked, "steps": steps, "silent": silent}
    return Section("Prior, from the layers of evidence in order of date", tuple(lines), numbers)


def _step(
    entry: Mapping[str, Any], ranked: str | None, change: Mapping[str, float], before: Mapping[str, float]
) -> str:
    """Return what one layer did, as a sentence."""
    about = f"{entry['name']} ({_KINDS[entry['kind']]}, {entry['source']}, {entry['date']}"
    about += f", {ranked} evidence)" if ranked else ")"
    if ranked:
        return f"{about} adds {_each({g: v for g, v in change.items() if v})}"
    left = [f"{g} {-v:.3g} (to {100 * (1 + v / before[g]):.3g} % of what it was)" for g, v in change.items() if v]
    return f"{about} takes off {', '.join(left)}"


def _each(values: Mapping[str, float]) -> str:
    return ", ".join(f"{group} {value:.3g}" for group, value in values.items())


def _pixel(path: Path, row: int, col: int) -> dict[str, float]:
    """Return the values of one cell by band."""
    try:
        with rasterio.open(path) as dataset:
            values: Sequence[float] = dataset.read(window=Window(col, row, 1, 1)).ravel().tolist()
            return dict(zip(dataset.descriptions, values, strict=True))
    except RasterioIOError as error:
        msg = f"{path}: cannot be read ({error}); run `survey evidence` again"
        raise InputError(msg) from error
