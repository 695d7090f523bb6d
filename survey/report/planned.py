"""Section on priorities: work areas in the order of their ranks, and what simpler orders would reach."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from survey.export import read_layer
from survey.markup import Markup, joined, table, tag
from survey.provenance.finished import read_json
from survey.provenance.origin import origin_of_plan
from survey.report.made import MOST_ROWS, absent, linked
from survey.report.maps import areas_map
from survey.report.subject import Subject
from survey.report.svg import INK, QUIET

_HEADS = ("ha", "items", "found", "relieved", "weeks", "method", "completion", "reason")
_ORDERS: Mapping[str, tuple[str, str, str | None]] = {
    "plan": ("plan", "#0B5FA5", None),
    "risk alone": ("risk", "#8E4FB0", "7 4"),
    "nearest first": ("nearest", "#5B6770", "2 3"),
}
"""Key of its words, colour and dashes of each order."""
_LEFT, _TOP, _WIDE, _TALL = 46.0, 12.0, 420.0, 250.0


def plan(subject: Subject) -> Markup:
    """Return the work areas in the order of their ranks."""
    w, folder = subject.words, subject.options.plan
    if folder is None:
        return absent(subject, "survey prioritise", "--plan")
    report, areas = read_json(folder / "priority.json"), read_layer(folder / "work_areas.gpkg", "work_areas")
    areas = areas.sort_values("rank").to_crs(subject.run.grid.crs)
    own = origin_of_plan(subject.run, report)
    told = report["plan"]
    about = w(
        "plan.about",
        planned=told["areas"],
        all=told["work_areas"],
        ha=told["area_ha"],
        items=told["items_found"],
        total=report["totals"]["expected_items"],
        weeks=told["team_weeks"],
        available=told["team_weeks_available"],
        gap=report["solver"]["gap"],
    )
    reach = w(
        "plan.reach",
        relieved=told["exposure_relieved"],
        exposure=report["totals"]["exposure"],
        end=told["last_completion"] or "–",
        solver=report["solver"]["by"],
    )
    rows: list[list[str | Markup | None]] = []
    for _, row in areas.head(MOST_ROWS).iterrows():
        rows.append(_row(row, named=subject.options.coordinates))
    heads = ["rank", *(["area"] if subject.options.coordinates else []), *_HEADS]
    first = 1 + int(subject.options.coordinates)
    listed = table([w(f"plan.{h}") for h in heads], rows, numbers={0, *range(first, first + 5)}, kind="reasons dense")
    note = tag("p", w("plan.rows", n=MOST_ROWS, all=len(areas))) if len(areas) > MOST_ROWS else None
    shapes = [
        (g, str(rank), planned == "yes")
        for g, rank, planned in zip(areas.geometry, areas["rank"], areas["planned"], strict=True)
    ]
    cautions = tag("ul", *(tag("li", line) for line in report["cautions"]))
    made = areas_map(subject, "plan", shapes)
    told_of = tag("p", f"{about} {reach}")
    against = _compared(subject, report, folder)
    return joined(told_of, _basis(subject, report), linked(subject, own), made, note, listed, against, cautions)


def _row(row: Any, *, named: bool) -> list[str | Markup | None]:
    """Return the line of a work area."""
    planned = row["planned"] == "yes"
    method = f"{row['method']}, {row['crew']}" if planned else "–"
    reached = [f"{row[name]:.3g}" if planned else "–" for name in ("items_found", "exposure_relieved", "team_weeks")]
    numbers = [f"{row['area_ha']:.0f}", f"{row['expected_items']:.3g}", *reached]
    name = [str(row["work_area"])] if named else []
    return [str(row["rank"]), *name, *numbers, method, str(row["completion"] or "–"), str(row["reason"])]


def _basis(subject: Subject, report: Mapping[str, Any]) -> Markup | None:
    """Return on how many hectares the risk is a prior only; None of a plan that does not tell."""
    told = report["hectares"].get("by_basis")
    return None if told is None else tag("p", subject.words("plan.basis", all=report["hectares"]["in_all"], **told))


def _compared(subject: Subject, report: Mapping[str, Any], folder: Path) -> Markup:
    """Return what plan and simpler orders reach at shares of the budget, and the curve with all of it."""
    w = subject.words
    rows: list[list[str | Markup | None]] = []
    for row in report["comparison"]:
        shares = [f"{100 * row[f'{name}_share']:.1f} %" for name in ("items", "exposure")]
        worth = f"{100 * row['worth_share']:.1f} %"
        if row.get("orders", 1) > 1:
            worth = f"{worth} ({100 * row['worth_share_q05']:.1f} – {100 * row['worth_share_q95']:.1f})"
        gap = "–" if row["gap"] is None else f"{100 * row['gap']:.2f} %"
        order = w(f"plan.by.{_ORDERS[row['order']][0]}")
        rows.append([f"{100 * row['budget_share']:.0f} %", order, *shares, worth, gap])
    heads = ["share", "order", "items_share", "exposure_share", "worth_share", "gap"]
    listed = table([w(f"plan.{h}") for h in heads], rows, numbers={0, 2, 3, 4, 5}, kind="dense")
    return joined(
        tag("h3", w("plan.compared")), tag("p", w("plan.compared.about")), listed, _curve(subject, report, folder)
    )


def _curve(subject: Subject, report: Mapping[str, Any], folder: Path) -> Markup | None:
    """Return the share of the worth over team-weeks, by order; None where the plan has no such file."""
    path = folder / "curve.csv"
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        steps = list(csv.DictReader(file))
    w, weight = subject.words, float(report["settings"]["items_weight"])
    whole = weight * report["totals"]["expected_items"] + report["totals"]["exposure"]
    end = max([report["plan"]["team_weeks_available"], *(float(step["team_weeks"]) for step in steps)]) or 1.0
    drawn, legend = [], []
    for name, (key, colour, dashes) in _ORDERS.items():
        own = [(0.0, 0.0), *((float(s["team_weeks"]), float(s["benefit"])) for s in steps if s["order"] == name)]
        if len(own) == 1:
            continue
        points = " ".join(f"{_x(weeks / end):.1f},{_y(worth / (whole or 1.0)):.1f}" for weeks, worth in own)
        style: dict[str, str | float | None] = {
            "fill": "none",
            "stroke": colour,
            "stroke_width": 2.0,
            "stroke_dasharray": dashes,
        }
        drawn.append(tag("polyline", points=points, **style))
        sample = tag("svg", tag("polyline", points="0,7 24,7", **style), viewBox="0 0 24 14", class_="swatch")
        legend.append(tag("li", sample, tag("span", w(f"plan.by.{key}"))))
    plot = tag(
        "svg",
        tag("title", w("plan.curve.label")),
        *_axes(end, weeks=w("plan.weeks"), worth=w("plan.worth_share")),
        *drawn,
        viewBox=f"0 0 {_LEFT + _WIDE + 16:g} {_TOP + _TALL + 44:g}",
        class_="plot",
        role="img",
    )
    return tag("figure", plot, tag("ul", *legend, class_="legend"), tag("figcaption", w("plan.curve.caption")))


def _axes(end: float, *, weeks: str, worth: str) -> list[Markup]:
    made = [tag("rect", x=_LEFT, y=_TOP, width=_WIDE, height=_TALL, fill="none", stroke=QUIET, stroke_width=0.8)]
    for share in (0, 0.25, 0.5, 0.75, 1):
        x, y = _x(share), _y(share)
        made += [
            tag("line", x1=x, y1=_TOP, x2=x, y2=_TOP + _TALL, stroke="#dfe4e9", stroke_width=0.7),
            tag("line", x1=_LEFT, y1=y, x2=_LEFT + _WIDE, y2=y, stroke="#dfe4e9", stroke_width=0.7),
            _words(f"{share * end:.3g}", x, _TOP + _TALL + 15, "middle"),
            _words(f"{100 * share:.0f} %", _LEFT - 6, y + 4, "end"),
        ]
    middle = _TOP + _TALL / 2
    turned = f"rotate(-90 11 {middle:g})"
    side = tag("text", worth, x=11, y=middle, transform=turned, text_anchor="middle", font_size=11, fill=INK)
    return [*made, _words(weeks, _LEFT + _WIDE / 2, _TOP + _TALL + 35, "middle"), side]


def _x(share: float) -> float:
    return _LEFT + _WIDE * share


def _y(share: float) -> float:
    return _TOP + _TALL * (1 - share)


def _words(words: str, x: float, y: float, anchor: str) -> Markup:
    return tag("text", words, x=x, y=y, text_anchor=anchor, font_size=11, fill=INK)
