"""A plan in words: why an area stands where it stands, and the plan in a few lines."""

from collections.abc import Mapping, Sequence
from typing import Any

from survey.priority.plan import ITEMS, Plan

NEXT = 5
"""Areas outside the plan that the text lists."""
_LAND = (
    "The plan orders work. It says nothing about land outside it, nor about land after the work: that follows national"
)
_UNKNOWN = (
    "Hectares that were flown and not searched keep the prior risk; hectares that nobody flew enter with the prior of "
    "the evidence where there is one, else with the configured prior:"
)
_COMPARED = (
    "The orders compared with use the same work areas, teams and limits as the plan, with the cheapest methods or with "
    "those that find most, whichever reach more. Areas that are alike to them are taken in orders by chance: the mean "
    "over those is given, with 5 and 95 %."
)
CAUTIONS = (
    f"{_LAND} mine action standards.",
    f"{_UNKNOWN} neither counts as low risk.",
    "The bound and the gap hold for these work areas; other outlines of areas may allow a better plan.",
    _COMPARED,
)


def reason(plan: Plan, row: Mapping[str, Any], *, area: int) -> str:
    """Return why an area has its rank.

    Args:
        plan: The whole plan.
        row: The area's columns.
        area: Its number.
    """
    said = [f"{row['expected_items']:.3g} expected items on {row['area_ha']:.0f} ha", _parts(plan, row)]
    if plan.choice.method[area] >= 0:
        said.append(_why_method(plan, row, area=area))
    elif not plan.problem.possible[area].any():
        said.append("not in the plan: no method with teams completes it within horizon and budget; its risk remains")
    else:
        rate = row["benefit_per_team_week"]
        said.append(f"not in the plan: the means go further elsewhere ({rate:.3g} a team-week here); its risk remains")
    if row["ha_not_searched"]:
        moved = row["ha_not_searched"] - row["ha_risk_prior"]
        but = f", {moved:.0f} of them with what sightings, review or work say" if moved else ""
        said.append(f"{row['ha_not_searched']:.0f} ha flown and not searched, with their prior risk{but}")
    if row["ha_not_flown"]:
        whose = {"of the evidence": row["ha_evidence_prior"], "as configured": row["ha_configured_prior"]}
        told = " and ".join(f"{ha:.0f} {words}" for words, ha in whose.items() if ha)
        said.append(f"{row['ha_not_flown']:.0f} ha not flown, with the prior risk ({told})")
    return "; ".join(said)


def in_words(report: Mapping[str, Any]) -> str:
    """Return the plan as plain text."""
    return "\n".join(
        [
            *_head(report["plan"], report["totals"], report["solver"]),
            *_ground(report["hectares"]),
            "",
            "  rank  work area                 ha   items  method        completion   team-weeks",
            *_areas(report["areas"]),
            "",
            f"  {'reached at a share of the budget (' + report['budget_unit'] + ')':<46}   items   exposure   worth",
            *map(_compared, report["comparison"]),
            "",
            *(f"note: {note}" for note in [*report["notes"], *report["cautions"]]),
        ]
    )


def _head(plan: Mapping[str, Any], whole: Mapping[str, float], solver: Mapping[str, Any]) -> list[str]:
    of_budget = "" if plan["budget"] is None else f" of {plan['budget']:.6g}"
    areas = f"{plan['areas']} of {plan['work_areas']} work areas in the plan, {plan['area_ha']:.0f} ha"
    items = f"expected items found {plan['items_found']:.4g} of {whole['expected_items']:.4g}"
    exposure = f"exposure relieved {plan['exposure_relieved']:.4g} of {whole['exposure']:.4g}"
    weeks = f"{plan['team_weeks']:.4g} of {plan['team_weeks_available']:.4g} team-weeks"
    value = f"benefit {solver['benefit']:.5g}, at most {solver['bound']:.5g}, gap {solver['gap']:.2%}"
    return [
        f"{areas}; last completion {plan['last_completion'] or 'none'}",
        f"{items}; {exposure}",
        f"{weeks}; cost {plan['cost']:.6g}{of_budget}",
        f"solved by {solver['by']}: {value}",
    ]


def _ground(hectares: Mapping[str, Any]) -> list[str]:
    left_out = f", {hectares['left_out']} not flown and left out by the settings" if hectares["left_out"] else ""
    flown = f"{hectares['searched']} searched at least in part, {hectares['not_searched']} flown and not searched"
    unsuitable = f"{hectares['unsuitable']} ha with {hectares['unsuitable_items']:.3g} expected items"
    basis = hectares["by_basis"]
    whose = {"as in the risk": "risk_prior", "of the evidence": "evidence_prior", "as configured": "configured_prior"}
    prior = ", ".join(f"{basis[name]} {words}" for words, name in whose.items() if basis[name])
    return [
        f"{hectares['in_all']} ha: {flown} (prior risk), {hectares['not_flown']} not flown (prior risk){left_out}",
        f"prior only, in which nothing is that anybody saw or did there: {prior or 'no hectare'}",
        f"no method can be used on {unsuitable}: their risk remains",
    ]


def _parts(plan: Plan, row: Mapping[str, Any]) -> str:
    """Return the parts of an area's worth, largest first."""
    named = {ITEMS: "expected items"} | {name: name for name in plan.worth if name != ITEMS}
    shares = {named[name]: row[f"worth_{name}"] for name in plan.worth}
    told = (
        [f"{share / row['worth']:.0%} {name}" for name, share in _falling(shares) if share > 0] if row["worth"] else []
    )
    return f"worth {row['worth']:.3g}: {', '.join(told) or 'nothing'}"


def _why_method(plan: Plan, row: Mapping[str, Any], *, area: int) -> str:
    others = [
        f"{name} would take {row[f'team_weeks_{name}']:.3g}"
        for k, name in enumerate(plan.config.methods)
        if name != row["method"] and plan.problem.possible[area, k]
    ]
    beside = f" ({'; '.join(others)})" if others else " (no other method completes it)"
    return (
        f"{row['method']}, crew {row['crew']}, {row['team_weeks']:.3g} team-weeks{beside}, "
        f"completed {row['completion']}, {row['benefit_per_team_week']:.3g} a team-week"
    )


def _falling(shares: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(shares.items(), key=lambda pair: -pair[1])


def _areas(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the areas of the plan and those that come next."""
    planned = sum(row["planned"] == "yes" for row in rows)
    more = len(rows) - planned - NEXT
    rest = [f"  and {more} more that are not in the plan; their risk remains"] if more > 0 else []
    return [*map(_area_line, rows[: planned + NEXT]), *rest]


def _area_line(row: Mapping[str, Any]) -> str:
    when = row["completion"] or "not planned"
    weeks = "-" if row["team_weeks"] is None else f"{row['team_weeks']:.3g}"
    return (
        f"  {row['rank']:>4}  {row['work_area']:<22}{row['area_ha']:>6.0f}{row['expected_items']:>8.3g}  "
        f"{row['method'] or '-':<14}{when:<13}{weeks}"
    )


def _compared(row: Mapping[str, Any]) -> str:
    label = f"{row['budget_share']:.0%} {row['order']}"
    line = f"  {label:<46}{row['items_share']:>8.1%}{row['exposure_share']:>11.1%}{row['worth_share']:>8.1%}"
    if row["orders"] == 1:
        return line
    return f"{line}  (worth {row['worth_share_q05']:.1%} to {row['worth_share_q95']:.1%} over {row['orders']} orders)"
