"""Layers of work_areas.gpkg: areas and hectares, with every part of their worth in a column of its own."""

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.errors import SurveyError
from survey.export import Layer
from survey.priority.ground import BASIS_WORDS, PRIOR_ONLY, WORDS, Basis, State
from survey.priority.layers import squares
from survey.priority.plan import Plan
from survey.priority.words import reason
from survey.values import HECTARE_EDGE_M

Column = NDArray[np.generic]


def outlines(plan: Plan) -> NDArray[np.object_]:
    """Return (A,) the areas' outlines.

    Raises:
        SurveyError: One is not a valid polygon of one piece, or two overlap: a bug.
    """
    boxes, number = squares(plan.ground.grid), plan.area.ravel()
    inside = np.flatnonzero(number >= 0)
    inside = inside[np.argsort(number[inside], kind="stable")]
    count = np.bincount(number[inside], minlength=plan.count)
    groups = np.split(boxes[inside], np.cumsum(count)[:-1])
    shapes = np.array([shapely.union_all(group).normalize() for group in groups if group.size], dtype=object)
    size = count * float(HECTARE_EDGE_M**2)
    for a, shape in enumerate(shapes):
        if shape.geom_type != "Polygon" or not shape.is_valid or not np.isclose(shape.area, size[a]):
            msg = f"work area {a}: its outline is not a valid polygon of one piece; report this"
            raise SurveyError(msg)
    return shapes


def area_names(plan: Plan) -> list[str]:
    """Return (A,) names that follow from the place of an area's first hectare."""
    grid, names = plan.ground.grid, []
    _, first = np.unique(plan.area.ravel()[plan.area.ravel() >= 0], return_index=True)
    cells = np.flatnonzero(plan.area.ravel() >= 0)[first]
    for row, col in zip(*np.unravel_index(cells, grid.shape), strict=True):
        names.append(f"WA-{_cell(plan, int(row), int(col))}")
    return names


def area_columns(plan: Plan, names: Sequence[str]) -> dict[str, Column]:
    """Return the columns of the areas, first rank first."""
    order, method = plan.schedule.order, plan.method
    has, at = method >= 0, (np.arange(plan.count), method)
    methods = [*plan.config.methods, ""]
    planned = plan.choice.method >= 0
    ones, state, basis = np.ones(plan.area.shape), plan.ground.state, plan.ground.basis
    stakes, worth = plan.stakes, {name: plan.sums(part) for name, part in plan.worth.items()}
    found = np.where(has, np.append(stakes.found, np.nan)[method], np.nan)
    setup = np.array([*(m.setup_weeks * m.teams_per_area for m in plan.config.methods.values()), np.nan])
    days = [
        (plan.schedule.first_day(a, plan.config.start), plan.schedule.last_day(a, plan.config.start))
        if planned[a]
        else None
        for a in range(plan.count)
    ]
    with_log = np.where(plan.ground.inside, np.log1p(-np.minimum(np.nan_to_num(plan.ground.p), 1 - 1e-12)), 0)
    size = plan.sums(ones)
    columns: dict[str, Column] = {
        "work_area": _text(names),
        "planned": _text("yes" if p else "no" for p in planned),
        "method": _text(methods[m] for m in method),
        "crew": plan.schedule.crew + 1,
        "area_ha": size,
        "expected_items": stakes.items,
        "p_at_least_one": -np.expm1(plan.sums(with_log)),
        "exposure": stakes.exposure,
        "worth": np.sum(list(worth.values()), axis=0),
        **{f"worth_{name}": part for name, part in worth.items()},
        "found_share": found,
        "benefit": np.where(has, plan.problem.benefit[at], np.nan),
        "items_found": np.where(planned, stakes.items * found, 0),
        "exposure_relieved": np.where(planned, stakes.exposure * found, 0),
        "team_weeks": np.where(has, plan.problem.effort[at], np.nan),
        "team_weeks_setup": np.where(has, setup[method], np.nan),
        "cost": np.where(has, plan.problem.cost[at], np.nan),
        "benefit_per_team_week": np.where(has, plan.problem.benefit[at] / plan.problem.effort[at], np.nan),
        "first_day": _text("" if d is None else d[0].isoformat() for d in days),
        "completion": _text("" if d is None else d[1].isoformat() for d in days),
        "searched_fraction": plan.sums(np.nan_to_num(plan.ground.searched)) / size,
        **{f"ha_{s.name.lower()}": plan.sums((state == s).astype(np.float64)) for s in State if s},
        **{f"ha_{b.name.lower()}": plan.sums((basis == b).astype(np.float64)) for b in PRIOR_ONLY},
        **{f"team_weeks_{n}": _finite(plan.problem.effort[:, k]) for k, n in enumerate(plan.config.methods)},
    }
    if not np.isfinite(plan.ground.searched[plan.ground.inside]).all():
        columns["searched_fraction"] = np.full(plan.count, np.nan)
    columns = {"rank": np.arange(1, plan.count + 1), **{name: values[order] for name, values in columns.items()}}
    rows = [{name: values[row] for name, values in columns.items()} for row in range(plan.count)]
    columns["reason"] = _text(reason(plan, row, area=int(order[k])) for k, row in enumerate(rows))
    return columns


def area_layer(plan: Plan, columns: dict[str, Column]) -> Layer:
    """Return the layer `work_areas`."""
    geometry = shapely.to_wkb(outlines(plan)[plan.schedule.order])
    return Layer("work_areas", "Polygon", np.asarray(geometry, dtype=object), columns)


def hectare_layer(plan: Plan, names: Sequence[str]) -> Layer:
    """Return every hectare of the plan with its parts, those that no work area holds too."""
    rows, cols = np.nonzero(plan.ground.inside)
    area = plan.area[rows, cols]
    planned = np.append(plan.choice.method >= 0, False)[area]
    barred = {name: mask[rows, cols] for name, mask in plan.unsuitable.items()}
    told = [
        _status(int(a), planned=bool(p), barred=[name for name, mask in barred.items() if mask[n]])
        for n, (a, p) in enumerate(zip(area, planned, strict=True))
    ]
    columns: dict[str, Column] = {
        "cell": _text(_cell(plan, r, c) for r, c in zip(rows.tolist(), cols.tolist(), strict=True)),
        "work_area": _text(names[a] if a >= 0 else "" for a in area),
        "status": _text(told),
        "state": _text(WORDS[State(s)] for s in plan.ground.state[rows, cols]),
        "risk_basis": _text(BASIS_WORDS[Basis(b)] for b in plan.ground.basis[rows, cols]),
        "expected_items": plan.ground.items[rows, cols],
        "p_at_least_one": plan.ground.p[rows, cols],
        "searched_fraction": plan.ground.searched[rows, cols],
        **{f"exposed_{name}": share[rows, cols] for name, share in plan.exposed.items()},
        "worth": np.sum([part[rows, cols] for part in plan.worth.values()], axis=0),
        **{f"worth_{name}": part[rows, cols] for name, part in plan.worth.items()},
        **{f"condition_{name}": values[rows, cols] for name, values in plan.conditions.items()},
        **{f"team_weeks_{name}": _finite(weeks[rows, cols]) for name, weeks in plan.weeks.items()},
    }
    boxes = squares(plan.ground.grid)[plan.ground.inside.ravel()]
    return Layer("hectares", "Polygon", np.asarray(shapely.to_wkb(boxes), dtype=object), columns)


def _status(area: int, *, planned: bool, barred: Sequence[str]) -> str:
    if barred:
        return f"unsuitable ground ({', '.join(barred)}): risk remains, not in any work area"
    if area < 0:
        return "no method with teams can be used here: risk remains, not in any work area"
    return "in the plan" if planned else "not in the plan: risk remains"


def _cell(plan: Plan, row: int, col: int) -> str:
    grid = plan.ground.grid
    return f"E{grid.x_min + col * HECTARE_EDGE_M}N{grid.y_max - (row + 1) * HECTARE_EDGE_M}"


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, np.nan)


def _text(values: object) -> NDArray[np.object_]:
    return np.array(list(values), dtype=np.object_)  # type: ignore[call-overload]
