"""The report as one page: no script, nothing fetched, every chip inside."""

from collections.abc import Mapping, Sequence
from typing import Any

from survey.audit.chips import chips_of
from survey.audit.finding import Check, Finding, Place, Severity
from survey.audit.pictures import Picture
from survey.markup import Markup, document, joined, table, tag

MOST_SHOWN = 100
"""Findings of a check on the page; `audit.json` has all."""

TITLES: Mapping[Check, tuple[str, str]] = {
    Check.UNREAD: ("Not audited", "Pictures and labels that cannot be read. No other check says anything of them."),
    Check.DUPLICATES: (
        "Copies of pictures",
        (
            "The same pixels, or another size or compression of them. A copy in another site, flight or folder leaks "
            "from one side of a split to the other. Turned, mirrored and cropped copies are not looked for."
        ),
    ),
    Check.BOXES: ("Boxes", "Boxes outside the picture or cut by it, without extent, or drawn twice."),
    Check.SIZES: (
        "Sizes",
        "Sizes in metres that no published item of the class has, or far from the other labels of the class there.",
    ),
    Check.CLASSES_BY_SIZE: (
        "Classes swapped, by size",
        "Labels far from the sizes of their class and near those of another class of the site.",
    ),
    Check.CLASSES_BY_MODEL: (
        "Classes swapped, by a model",
        (
            "Labels that a model which did not train on the site finds at its operating score, and gives another "
            "class, one with at least half the share of all."
        ),
    ),
    Check.MISSING: (
        "Labels that may be missing",
        (
            "Places where a model which did not train on the site sees something at its operating score, and nothing "
            "is labelled. Most may be false alarms; each needs a look. What the model does not see may still be there."
        ),
    ),
}

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #222; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2em; border-top: 1px solid #ccc; padding-top: .6em; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .25em .8em .25em 0; vertical-align: top; }
th.n, td.n { text-align: right; } .list { display: flex; flex-wrap: wrap; gap: 1em; }
.finding { width: 376px; border: 1px solid #ddd; border-left: 5px solid #999; padding: .6em; box-sizing: border-box; }
.finding img { width: 180px; height: 180px; image-rendering: pixelated; } .finding p { margin: .3em 0; }
.error { border-left-color: #b00020; } .warning { border-left-color: #d08700; } .info { border-left-color: #4a7fb5; }
.file { font: 12px/1.3 monospace; overflow-wrap: anywhere; color: #555; }
.undone { background: #fff3d6; padding: .5em .8em; }
"""


def render_page(report: Mapping[str, Any], findings: Sequence[Finding], pictures: Mapping[str, Picture]) -> str:
    """Return the page as HTML.

    Args:
        report: As in `audit.json`.
        findings: All of them, in the order to show them in.
        pictures: By their names in the findings.
    """
    shown = [f for check in Check for f in [f for f in findings if f.check is check][:MOST_SHOWN]]
    chips = chips_of([f for f in shown if f.check is not Check.UNREAD], pictures)
    cut = iter(chips)
    drawn = [(f, [] if f.check is Check.UNREAD else next(cut)) for f in shown]
    sections = joined(*(_section(check, report["checks"][check], drawn) for check in Check))
    notes = tag("ul", *(tag("li", note) for note in report["notes"]))
    body = tag("body", tag("h1", "Label audit"), tag("p", report["text"]), _overview(report), notes, sections)
    return document(body, title="Label audit", style=_STYLE)


def _overview(report: Mapping[str, Any]) -> Markup:
    rows: list[list[str | Markup | None]] = [
        [
            tag("a", TITLES[check][0], href=f"#{check}"),
            _status(report["checks"][check]),
            *(_count(report["checks"][check], severity) for severity in Severity),
        ]
        for check in Check
    ]
    return table(["check", "state", *(f"{s}s" for s in Severity)], rows, numbers=set(range(2, 2 + len(Severity))))


def _status(check: Mapping[str, Any]) -> Markup:
    if check["status"] == "not done":
        return tag("strong", "not done")
    return joined(f"{check['status']}: {check['amount']}")


def _count(check: Mapping[str, Any], severity: Severity) -> str:
    """Return a count; of a check that was not done there is none, which is not 0."""
    count: int = check["findings"][severity]
    return "–" if check["status"] == "not done" and not count else str(count)


def _section(check: Check, told: Mapping[str, Any], drawn: Sequence[tuple[Finding, list[str]]]) -> Markup:
    title, explained = TITLES[check]
    own = [_finding(finding, chips) for finding, chips in drawn if finding.check is check]
    total = sum(told["findings"].values())
    parts = [tag("h2", title, id=str(check)), tag("p", explained), tag("p", "State: ", _status(told), ".")]
    if told["left_out"]:
        items = tag("ul", *(tag("li", words) for words in told["left_out"]))
        parts.append(tag("div", "Not looked at:", items, class_="undone"))
    if total > len(own):
        parts.append(tag("p", f"The first {len(own)} of {total} findings; audit.json has all."))
    if own:
        parts.append(tag("div", *own, class_="list"))
    elif told["status"] != "not done":
        parts.append(tag("p", "No finding among what was looked at."))
    return joined(*parts)


def _finding(finding: Finding, chips: Sequence[str]) -> Markup:
    images = [tag("img", src=chip, alt="") for chip in chips]
    at = f" at {_place(finding.spot.place)}" if finding.spot.place is not None else ""
    said = tag("p", tag("strong", str(finding.severity)), f": {finding.words}")
    file = tag("p", f"{finding.site}: {finding.spot.file}{at}", class_="file")
    return tag("div", *images, said, file, class_=f"finding {finding.severity}")


def _place(place: Place) -> str:
    top, left, bottom, right = place
    return f"row {(top + bottom) / 2:.0f}, col {(left + right) / 2:.0f} ({right - left:.0f} × {bottom - top:.0f} px)"
