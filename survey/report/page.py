"""The page: one HTML file without a script, with nothing to fetch, that prints well."""

from collections.abc import Callable, Mapping
from importlib.resources import files

from survey.markup import Markup, document, joined, tag
from survey.report import closing, found, ground, made, model, planned
from survey.report.subject import Subject, hectares

SECTIONS: Mapping[str, Callable[[Subject], Markup]] = {
    "flights": ground.flights,
    "area": ground.area,
    "unsearched": ground.unsearched,
    "cover": ground.cover,
    "model.title": model.about_model,
    "point": model.operating_point,
    "detections": found.detections,
    "review": found.review,
    "risk": ground.risk,
    "evidence": made.evidence,
    "candidates": made.candidates,
    "plan": planned.plan,
    "patterns": made.patterns,
    "limits": closing.limits,
    "hashes": closing.hashes,
}
"""By the key of the title, in the order of the page. None is ever left out: one without data says so."""


def render(subject: Subject) -> str:
    """Return the whole page. The same subject gives the same text."""
    w = subject.words
    sections = []
    for number, (key, section) in enumerate(SECTIONS.items(), start=1):
        heading = tag("h2", tag("span", str(number), class_="number"), " ", w(key))
        sections.append(tag("section", heading, section(subject), id=_anchor(key)))
    style = (files(__package__) / "page.css").read_text(encoding="utf-8")
    body = tag("body", _cover(subject), _contents(subject), tag("main", *sections))
    title = f"{w('title')}, {subject.run.identity.run_id}"
    return document(body, title=title, style=style, language=subject.options.language)


def _anchor(key: str) -> str:
    return key.replace(".", "-")


def _cover(subject: Subject) -> Markup:
    w, summary = subject.words, subject.run.summary
    area = summary["area_ha"]
    cards = [
        (hectares(area["flown"]), "card.flown"),
        (hectares(area["searched"]), "card.searched"),
        (f"{summary['detections']['items']}", "card.items"),
    ]
    latest = subject.run.current.round
    if latest is None:
        expected = f"{summary['risk']['expected_items']:.3g}", w("card.expected")
    else:
        expected = f"{latest.summary['remaining_items']:.3g}", w("card.remaining", round=latest.folder.name)
    shown = [*((value, w(key)) for value, key in cards), expected]
    told = [
        (w("run"), subject.run.identity.run_id),
        (w("model"), subject.run.model[0]),
        (w("date"), subject.options.date or w("not_stated")),
    ]
    return tag(
        "header",
        tag("h1", w("title")),
        tag("p", w("subtitle"), class_="subtitle"),
        tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in told), class_="told"),
        tag("div", *(tag("div", tag("b", value), tag("span", words)) for value, words in shown), class_="figures"),
        tag("p", w("caution"), class_="caution"),
    )


def _contents(subject: Subject) -> Markup:
    w = subject.words
    entries = [tag("li", tag("a", w(key), href=f"#{_anchor(key)}")) for key in SECTIONS]
    return tag("nav", tag("h2", w("contents")), tag("ol", joined(*entries)))
