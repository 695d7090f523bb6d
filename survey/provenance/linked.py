"""The steps of a trace beyond the run: evidence, patterns, candidate areas and the plan, and whether they are of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from survey.evidence.explain import Section, explain
from survey.export import read_layer
from survey.files import sha256_of
from survey.provenance.finished import FinishedRun, read_json
from survey.provenance.origin import WORDS, Origin, origin_of, origin_of_plan
from survey.values import HECTARE_EDGE_M


@dataclass(frozen=True, slots=True)
class Linked:
    """A place of a run, and the items that are traced."""

    run: FinishedRun
    x: float
    y: float
    items: tuple[int, ...]

    @property
    def cell(self) -> str:
        """Name of the hectare."""
        west = np.floor(self.x / HECTARE_EDGE_M) * HECTARE_EDGE_M
        south = np.floor(self.y / HECTARE_EDGE_M) * HECTARE_EDGE_M
        return f"E{west:.0f}N{south:.0f}"


def linked_steps(
    at: Linked,
    *,
    plan: Path | None = None,
    patterns: Path | None = None,
    candidates: Path | None = None,
    evidence: Path | None = None,
) -> Iterator[Section]:
    """Yield a section for each folder; one that is not given is said to be not given."""
    for title, folder, step in (
        ("Evidence before the search", evidence, _evidence),
        ("Patterns", patterns, _patterns),
        ("Candidate areas", candidates, _candidates),
        ("Work area", plan, _plan),
    ):
        if folder is None:
            yield Section(title, ("not provided",), {"provided": False})
        else:
            lines, numbers = step(at, folder)
            yield Section(title, tuple(lines), {"provided": True, **numbers})


def _evidence(at: Linked, folder: Path) -> tuple[list[str], dict[str, Any]]:
    section = explain(at.x, at.y, evidence=folder, crs=at.run.grid.crs).sections[0]
    sha256 = sha256_of(folder / "prior.tif")
    return [*section.lines, f"prior.tif, SHA-256 {sha256}"], {**section.numbers, "sha256": sha256}


def _patterns(at: Linked, folder: Path) -> tuple[list[str], dict[str, Any]]:
    path = folder / "patterns.gpkg"
    members = read_layer(path, "members")
    rows = read_layer(path, "patterns").set_index("pattern")
    report = read_json(folder / "patterns.json")
    made = origin_of(at.run, report)
    lines, told = [], []
    for item in at.items:
        for number in sorted(set(members["pattern"][members["item"] == item])):
            row = rows.loc[number]
            told.append({"item": item, "pattern": int(number), "p_value": float(row["p_value"])})
            lines.append(
                f"item {item} is one of {int(row['members'])} of row {number}, {row['length_m']:.1f} m long, "
                f"p = {row['p_value']:.3f}"
            )
    lines = lines or ["no traced item is a member of a row"]
    sha256 = sha256_of(path)
    lines.append(f"patterns.gpkg, SHA-256 {sha256}: {WORDS[made]}")
    return lines, {"patterns": told, "sha256": sha256, "of_this_run": made is Origin.SAME, "origin": str(made)}


def _candidates(at: Linked, folder: Path) -> tuple[list[str], dict[str, Any]]:
    path = folder / "candidates.gpkg"
    table = read_layer(path, "candidates").to_crs(at.run.grid.crs)
    report = read_json(folder / "candidates.json")
    made = origin_of(at.run, report)
    lines: list[str] = []
    told: list[dict[str, Any]] = []
    for _, row in table[table.geometry.covers(shapely.Point(at.x, at.y))].iterrows():
        told.append({n: _plain(v) for n, v in row.items() if n != "geometry"})
        lines.append(f"{row['candidate']}, {row['area_ha']:.2f} ha: {row['basis']}")
    lines = lines or ["no candidate area holds the place, which says nothing of the place"]
    sha256 = sha256_of(path)
    lines.append(f"candidates.gpkg, SHA-256 {sha256}: {WORDS[made]}")
    return lines, {"areas": told, "sha256": sha256, "of_this_run": made is Origin.SAME, "origin": str(made)}


def _plan(at: Linked, folder: Path) -> tuple[list[str], dict[str, Any]]:
    path = folder / "work_areas.gpkg"
    cells = read_layer(path, "hectares").set_index("cell")
    report = read_json(folder / "priority.json")
    made = origin_of_plan(at.run, report)
    sha256 = sha256_of(path)
    numbers: dict[str, Any] = {
        "cell": at.cell,
        "work_area": None,
        "sha256": sha256,
        "of_this_run": made is Origin.SAME,
        "origin": str(made),
    }
    source = f"work_areas.gpkg, SHA-256 {sha256}: {WORDS[made]}"
    if at.cell not in cells.index:
        return [f"{at.cell} is not in the plan's area", source], numbers
    row = cells.loc[at.cell]
    lines = [f"{at.cell}: {row['state']}; {row['status']}"]
    areas = read_layer(path, "work_areas").set_index("work_area")
    if row["work_area"] in areas.index:
        area = areas.loc[row["work_area"]]
        numbers["work_area"] = {n: _plain(v) for n, v in area.items() if n != "geometry"}
        lines.append(f"work area {row['work_area']}, rank {area['rank']}: {area['reason']}")
        if area["method"]:
            lines.append(
                f"method {area['method']}, crew {area['crew']}, completion {area['completion'] or 'not planned'}"
            )
    return [*lines, source], numbers


def _plain(value: Any) -> Any:
    """Return a value that JSON knows."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
