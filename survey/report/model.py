"""Sections on the model: what it is, its FROC and on which terrain, and its operating point."""

import re
from math import log10
from pathlib import Path

from survey.detect.model import ModelCard
from survey.files import sha256_of
from survey.markup import Markup, facts, joined, prose, table, tag
from survey.report.subject import Subject
from survey.report.svg import INK, QUIET
from survey.review import Estimate, site_counts, tile_at

_CARD = "MODEL_CARD.md"
_FROC_HEAD = re.compile(r"^\|\s*false alarms per hectare\s*\|\s*recall\s*\|", re.IGNORECASE)
_LEFT, _TOP, _WIDE, _TALL = 52.0, 14.0, 420.0, 230.0
_LOG = (-1.0, 3.0)
"""Powers of ten of false alarms per hectare that the plot spans."""


def about_model(subject: Subject) -> Markup:
    """Return what the model is, and what its curve is."""
    w, (name, sha256) = subject.words, subject.run.model
    told, found = subject.run.summary["model"], subject.model
    pairs: list[tuple[str, str | Markup]] = [(w("model.id"), name), (w("model.sha"), tag("code", sha256))]
    if found is None:
        pairs += [(w("model.measured"), told["measured_on"]), (w("model.not_learnt"), ", ".join(told["not_learnt"]))]
        return joined(prose(w("model.absent"), class_="caution"), facts(pairs), tag("p", w("froc.none")))
    folder, card = found
    pairs += [
        (w("model.trained"), ", ".join(card.training.sites)),
        (w("model.measured"), card.performance.measured_on),
        (w("model.not_learnt"), ", ".join(told["not_learnt"]) or "–"),
        (w("model.gsd"), w("model.gsd.value", gsd=card.gsd_m * 100, most=card.max_gsd_m * 100)),
    ]
    return joined(tag("p", w("model.about")), facts(pairs), tag("h3", w("froc")), _froc(subject, folder, card))


def operating_point(subject: Subject) -> Markup:
    """Return the score that the run worked with, and recall and false alarms at it."""
    w, told = subject.words, subject.run.summary["model"]
    if subject.model is None:
        low, high = told["recall_interval"]
        pairs: list[tuple[str, str | Markup]] = [
            (w("point.recall"), f"{told['recall']:.3f} ({low:.3f} – {high:.3f})"),
            (w("point.alarms"), f"{told['false_alarms_per_ha']:.3g}"),
            (w("point.terrain"), told["measured_on"]),
        ]
        return facts([*pairs, *_implants(subject), *_here(subject)])
    card = subject.model[1]
    measured, own = card.performance, card.thresholds.score
    given = subject.run.identity.config.get("candidate_threshold")
    score = w("point.score.own", score=own)
    if isinstance(given, int | float):
        score = w("point.score.set", score=given, own=own)
    low, high = measured.recall_interval
    recall = w(
        "point.recall.value", value=measured.recall, low=low, high=high, found=measured.found, items=measured.items
    )
    low, high = measured.false_alarms_interval
    alarms = w(
        "point.alarms.value",
        value=measured.false_alarms_per_ha,
        low=low,
        high=high,
        count=measured.false_alarms,
        ha=measured.searched_ha,
        by=measured.false_alarms_interval_by,
    )
    return facts(
        [
            (w("point.score"), score),
            (w("point.recall"), recall),
            (w("point.alarms"), alarms),
            (w("point.position"), w("point.position.value", error=measured.position_error_m)),
            (w("point.terrain"), measured.measured_on),
            *_implants(subject),
            *_here(subject),
        ]
    )


def _implants(subject: Subject) -> list[tuple[str, str | Markup]]:
    """Return what was found of simulated items laid on the run's imagery, and what that made of recall."""
    w, told = subject.words, subject.run.summary.get("implants")
    if not told or not told["laid"]:
        return []
    here = {"found": told["found"], "laid": told["laid"]}
    if told["ratio"] is None:
        return [(w("point.implants"), w("point.implants.alone", **here))]
    there = {"there": told["reference"]["found"], "of": told["reference"]["laid"]}
    ratio = {name: told["ratio"][name] for name in ("mean", "low", "high")}
    change = {"card": told["recall"]["card"], "lowered": told["recall"]["here"]}
    return [(w("point.implants"), w("point.implants.value", **here, **there, **ratio, **change))]


def _here(subject: Subject) -> list[tuple[str, str | Markup]]:
    """Return recall and false alarms of this site, from tiles that were drawn by chance and reviewed."""
    w, read = subject.words, subject.verdicts
    draws = () if read is None else tuple(d for d in read.draws if d.run_id == subject.run.identity.run_id)
    if read is None or not draws:
        return [(w("point.here"), w("point.here.none"))]
    edge_m = draws[-1].edge_m
    items = {
        str(row.detection_id): tile_at(row.geometry.x, row.geometry.y, edge_m=edge_m)
        for row in subject.items.itertuples()
    }
    site = site_counts(
        read.standing,
        items,
        [d for d in draws if d.edge_m == edge_m],
        searched_ha=float(subject.run.summary["area_ha"]["searched"]),
    )
    tiles = sum(stratum.reviewed for stratum in site.strata)
    if site.recall.value is None and site.false_alarms_per_ha.value is None:
        return [(w("point.here"), w("point.here.none"))]
    told = [_estimate(w("point.recall"), site.recall), _estimate(w("point.alarms"), site.false_alarms_per_ha)]
    return [(w("point.here"), w("point.here.value", told="; ".join(filter(None, told)), tiles=tiles))]


def _estimate(name: str, estimate: Estimate) -> str:
    if estimate.value is None:
        return ""
    return f"{name} {estimate.value:.3g} ({estimate.low:.3g} – {estimate.high:.3g})"


def froc_rows(text: str) -> list[list[str]]:
    """Return the rows of the FROC table of a model card; none where it has no such table."""
    lines = iter(text.splitlines())
    for line in lines:
        if _FROC_HEAD.match(line):
            break
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not set("".join(cells)) <= set("-: "):
            rows.append(cells)
    return rows


def _froc(subject: Subject, folder: Path, card: ModelCard) -> Markup:
    w, path = subject.words, folder / _CARD
    rows = froc_rows(path.read_text(encoding="utf-8")) if path.is_file() else []
    heads = [w(f"froc.{h}") for h in ("alarms", "recall", "interval", "score")]
    rows = [row for row in rows if len(row) == len(heads)]
    if not rows:
        plot = _plot(subject, [], card) if card.performance.items else None  # a point that nobody counted is no point
        return joined(plot, tag("p", w("froc.none")))
    curve = []
    for alarms, recall, interval, _ in rows:
        low, _, high = interval.partition(" to ")
        curve.append(tuple(float(v.replace(",", "")) for v in (alarms, recall, low, high or low)))
    listed = table(heads, [[*row] for row in rows], numbers={0, 1, 2, 3})
    side = tag("div", _plot(subject, curve, card), listed, class_="beside")
    return joined(side, tag("p", w("froc.source", file=_CARD, sha=sha256_of(path)), class_="small"))


def _plot(subject: Subject, curve: list[tuple[float, ...]], card: ModelCard) -> Markup:
    """Return the curve with its intervals, and the operating point with its own."""
    w, m = subject.words, card.performance
    points = " ".join(f"{_x(alarms):.1f},{_y(recall):.1f}" for alarms, recall, _, _ in curve)
    bars = [_line(_x(a), _y(low), _x(a), _y(high), "#7B93CF", 1.5) for a, _, low, high in curve]
    dots = [tag("circle", cx=_x(a), cy=_y(r), r=3.2, fill="#5055A8") for a, r, _, _ in curve]
    at_x, at_y = _x(m.false_alarms_per_ha), _y(m.recall)
    cross = [
        _line(at_x, _y(m.recall_interval[0]), at_x, _y(m.recall_interval[1]), "#C2189B", 2),
        _line(_x(m.false_alarms_interval[0]), at_y, _x(m.false_alarms_interval[1]), at_y, "#C2189B", 2),
        tag("circle", cx=at_x, cy=at_y, r=4.5, fill="#fff", stroke="#C2189B", stroke_width=2),
        tag("text", w("point"), x=at_x + 9, y=at_y - 9, font_size=11, fill="#C2189B"),
    ]
    return tag(
        "svg",
        tag("title", w("froc.label")),
        *_axes(subject),
        tag("polyline", points=points, fill="none", stroke="#5055A8", stroke_width=1.6) if curve else None,
        *bars,
        *dots,
        *cross,
        viewBox=f"0 0 {_LEFT + _WIDE + 16:g} {_TOP + _TALL + 48:g}",
        class_="plot",
        role="img",
    )


def _axes(subject: Subject) -> list[Markup]:
    w = subject.words
    made = [tag("rect", x=_LEFT, y=_TOP, width=_WIDE, height=_TALL, fill="none", stroke=QUIET, stroke_width=0.8)]
    for power in range(int(_LOG[0]), int(_LOG[1]) + 1):
        x = _x(10.0**power)
        made += [
            _line(x, _TOP, x, _TOP + _TALL, "#dfe4e9", 0.7),
            _label(f"{10.0**power:g}", x, _TOP + _TALL + 15, "middle"),
        ]
    for share in (0, 0.2, 0.4, 0.6, 0.8, 1):
        y = _y(share)
        made += [_line(_LEFT, y, _LEFT + _WIDE, y, "#dfe4e9", 0.7), _label(f"{share:g}", _LEFT - 7, y + 4, "end")]
    made.append(_label(w("froc.alarms"), _LEFT + _WIDE / 2, _TOP + _TALL + 35, "middle"))
    y = _TOP + _TALL / 2
    turned = f"rotate(-90 14 {y:g})"
    words = w("froc.recall")
    made.append(tag("text", words, x=14, y=y, transform=turned, text_anchor="middle", font_size=11, fill=INK))
    return made


def _x(alarms: float) -> float:
    power = min(max(log10(max(alarms, 1e-9)), _LOG[0]), _LOG[1])
    return _LEFT + _WIDE * (power - _LOG[0]) / (_LOG[1] - _LOG[0])


def _y(recall: float) -> float:
    return _TOP + _TALL * (1 - recall)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> Markup:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=colour, stroke_width=width)


def _label(words: str, x: float, y: float, anchor: str) -> Markup:
    return tag("text", words, x=x, y=y, text_anchor=anchor, font_size=11, fill=INK)
