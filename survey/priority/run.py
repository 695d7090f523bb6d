"""`survey prioritise`: read risk and layers, plan, write."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.errors import ConfigError, OutputError
from survey.evidence.write import PRIOR
from survey.export import MANIFEST, name_by, write_geopackage, write_manifest, write_summary
from survey.files import make_folder, sha256_of, write_bytes
from survey.priority.config import PriorityConfig, load_priority
from survey.priority.curve import Curves, write_csv, write_png
from survey.priority.extent import grid_of, with_evidence
from survey.priority.ground import Basis, State, bands_of, load_ground, risk_file
from survey.priority.plan import Plan, make_plan
from survey.priority.reading import read_layers
from survey.priority.solver.baselines import compare, curve_of, middle_order
from survey.priority.styles import plan_styles
from survey.priority.tables import area_columns, area_layer, area_names, hectare_layer
from survey.priority.unflown import RiskEvidence
from survey.priority.words import CAUTIONS, in_words
from survey.rounds.folder import ROUNDS
from survey.values import HectareGrid

AREAS, REPORT, SUMMARY, CURVE, PLOT = "work_areas.gpkg", "priority.json", "summary.txt", "curve.csv", "curve.png"


@dataclass(frozen=True, slots=True)
class Prioritised:
    """What a planning gave."""

    text: str
    report: Mapping[str, Any]


def prioritise(source: Path, *, settings: Path, out: Path, number: int | None = None) -> Prioritised:
    """Plan work areas, methods and dates, and write them. The same input gives the same bytes.

    Args:
        source: Folder of a finished run, of which its latest round is taken if it has any; a round; or a raster with
            expected items and P(at least one) per hectare.
        settings: YAML; `configs/priority.yaml` explains its keys. Files that it names are relative to it.
        out: Folder for the results; files of an earlier planning are replaced.
        number: Of the round, where the source is a run; 0 is the run without any, None the latest.

    Raises:
        ConfigError: The settings do not fit.
        InputError: A layer or the risk cannot be used.
        OutputError: The folder is that of the run, whose products would no longer match its manifest.
    """
    config = load_priority(settings)
    raster = risk_file(source, number)
    if out.resolve() in {source.resolve(), raster.parent.resolve()}:
        msg = f"{out}: holds the risk that is planned on; name another folder as --out"
        raise OutputError(msg)
    named = None if config.evidence is None else settings.parent / config.evidence
    evidence = RiskEvidence.of(raster, named)
    grid = _grid(config, raster, evidence, base=settings.parent)
    read = read_layers(config, grid, base=settings.parent)
    ground = load_ground(source, config, area=read.area, grid=grid, raster=raster, evidence=evidence)
    plan = make_plan(
        config,
        ground,
        exposed={name: layer.share for name, layer in read.exposed.items()},
        conditions=read.conditions,
        unsuitable=read.unsuitable,
    )
    if raster.parent.parent.name == ROUNDS:
        read.notes.append(
            f"risk: what remains after round {raster.parent.name}, bands {' and '.join(bands_of(raster, config))}"
        )
    nearest = read.exposed[config.nearest_to].distance_m if config.nearest_to else None
    if nearest is None:
        read.notes.append("nearest_to is not set: not compared with nearest first")
    files = {"risk": raster, "settings": settings, **read.files}
    if (ground.basis == Basis.EVIDENCE_PRIOR).any() and evidence.stored is not None:
        files["evidence"] = evidence.stored.folder / PRIOR
        read.notes.extend(evidence.notes)
    return _write(plan, out, figures=baseline_figures(plan, distance_m=nearest), notes=read.notes, files=files)


def _grid(config: PriorityConfig, raster: Path, evidence: RiskEvidence, *, base: Path) -> HectareGrid:
    """Return the hectares that a plan is made over."""
    grid = grid_of(raster)
    if config.extent == "risk":
        return grid
    if evidence.stored is None:
        msg = evidence.missing or f"extent: {raster} was computed without evidence; name a folder as `evidence` too"
        raise ConfigError(msg)
    evidence.check_crs(grid)
    return with_evidence(grid, evidence.stored.grid, area=None if config.area is None else base / config.area)


def baseline_figures(plan: Plan, *, distance_m: NDArray[np.float64] | None) -> dict[str, NDArray[np.float64]]:
    """Return what the baselines order areas by: mean risk, most first, and mean distance if there is one to measure."""
    size = np.maximum(plan.sums(np.ones(plan.area.shape)), 1)
    figures = {"risk alone": -plan.sums(np.where(plan.ground.inside, plan.ground.items, 0)) / size}
    if distance_m is not None:
        figures["nearest first"] = plan.sums(distance_m) / size
    return figures


def report_of(plan: Plan, columns: Mapping[str, NDArray[np.generic]]) -> dict[str, Any]:
    """Return the plan in numbers, without comparison and notes."""
    chosen, state, stakes = plan.choice.chosen, plan.ground.state, plan.stakes
    reached, method = stakes.reached(plan.choice.method), plan.choice.method[chosen]
    work = plan.ground.inside & (plan.area < 0)
    ends = [plan.schedule.last_day(int(a), plan.config.start) for a in chosen]
    return {
        "version": 1,
        "settings": plan.config.model_dump(mode="json"),
        "hectares": {
            "in_all": int(plan.ground.inside.sum()),
            **{s.name.lower(): int((state == s).sum()) for s in State if s},
            "by_basis": {b.name.lower(): int((plan.ground.basis == b).sum()) for b in Basis if b},
            "left_out": plan.ground.left_out,
            "unsuitable": int(work.sum()),
            "unsuitable_items": float(plan.ground.items[work].sum()),
        },
        "totals": {"expected_items": stakes.all_items, "exposure": stakes.all_exposure},
        "plan": {
            "areas": int(chosen.size),
            "work_areas": plan.count,
            "area_ha": float(plan.sums(np.ones(plan.area.shape))[chosen].sum()),
            "items_found": reached["items"],
            "exposure_relieved": reached["exposure"],
            "team_weeks": float(plan.problem.effort[chosen, method].sum()),
            "team_weeks_available": plan.problem.team_weeks,
            "cost": float(plan.problem.cost[chosen, method].sum()),
            "budget": plan.config.budget,
            "last_completion": max(ends).isoformat() if ends else None,
        },
        "solver": {
            "by": plan.choice.solver,
            "benefit": plan.choice.benefit,
            "bound": plan.choice.bound,
            "gap": plan.choice.gap,
        },
        "areas": [
            {
                name: values[row].item() if hasattr(values[row], "item") else values[row]
                for name, values in columns.items()
            }
            for row in range(plan.count)
        ],
        "budget_unit": "team-weeks" if plan.config.budget is None else "money",
        "cautions": list(CAUTIONS),
    }


def _write(
    plan: Plan, out: Path, *, figures: dict[str, NDArray[np.float64]], notes: list[str], files: Mapping[str, Path]
) -> Prioritised:
    names = area_names(plan)
    columns = area_columns(plan, names)
    report = report_of(plan, columns) | {"notes": notes}
    report["inputs"] = {name: {"file": path.name, "sha256": sha256_of(path)} for name, path in sorted(files.items())}
    report["comparison"] = compare(
        plan.problem,
        plan.choice,
        stakes=plan.stakes,
        figures=figures,
        solver=plan.config.solver,
        nodes=plan.config.nodes,
    )
    curves: Curves = _curves(plan, figures, names)
    make_folder(out)
    (out / MANIFEST).unlink(missing_ok=True)  # it vouches for files that are about to change
    layers = [area_layer(plan, columns), hectare_layer(plan, names)]
    write_geopackage(out / AREAS, crs=plan.ground.grid.crs, layers=layers, styles=plan_styles())
    write_csv(out / CURVE, curves)
    totals = {"items_found": plan.stakes.all_items, "exposure_relieved": plan.stakes.all_exposure}
    if not write_png(out / PLOT, curves, totals=totals):
        report["notes"] = [*notes, "no plot: pip install 'survey[evaluate]' brings matplotlib"]
    write_summary(out / REPORT, summary=report)
    text = in_words(json.loads((out / REPORT).read_bytes()))
    write_bytes(out / SUMMARY, text.encode() + b"\n")
    inputs = {name: told["sha256"] for name, told in report["inputs"].items()}
    write_manifest(out, run_id=name_by(inputs), inputs=inputs, model={}, notes=CAUTIONS)
    return Prioritised(text, report)


def _curves(plan: Plan, figures: Mapping[str, NDArray[np.float64]], names: list[str]) -> Curves:
    """Return what plan and baselines reach step by step, with all means."""
    planned = [int(a) for a in plan.schedule.order if plan.choice.method[a] >= 0]
    curves = {"plan": (planned, curve_of(plan.problem, planned, method=plan.choice.method, stakes=plan.stakes))}
    for name, figure in figures.items():
        curves[name] = middle_order(plan.problem.cut(1.0), figure, stakes=plan.stakes)
    return {name: ([names[a] for a in areas], curve) for name, (areas, curve) in curves.items()}
