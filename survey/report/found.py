"""Sections on what was found: chips, the table of items, and what reviewers said."""

from typing import Any

from survey.markup import Markup, joined, table, tag
from survey.provenance.verdicts import in_words
from survey.report.chips import chip
from survey.report.maps import detections_map
from survey.report.subject import Subject
from survey.review import Standing
from survey.rounds.known import NOT_FOUND, STATES, UNREVIEWED

MOST_ROWS = 200
"""Items of the table; the layer has all."""
_STATES = dict(zip(STATES[1:], ("confirmed", "rejected", "not_found", "removed", "still_there"), strict=True))
_WORKED = frozenset(STATES[NOT_FOUND:])
_VERDICTS = {1: "review.item", -1: "review.none_of_it", 0: "review.unsure"}


def detections(subject: Subject) -> Markup:
    """Return the items with a map, chips and a table."""
    w, items = subject.words, subject.items
    if not len(items):
        return joined(tag("p", w("detections.none")), detections_map(subject))
    about = w("detections.about", items=len(items), sightings=len(subject.detections))
    return joined(tag("p", about), detections_map(subject), _chips(subject), _table(subject))


def verdict_of(subject: Subject, item: int) -> Standing | None:
    """Return what stands of an item after review."""
    if subject.verdicts is None:
        return None
    return subject.verdicts.verdict(subject.sightings_of[item])


def told(subject: Subject, stands: Standing) -> str:
    """Return a verdict in words, with reviewer and day."""
    w, last = subject.words, stands.last
    words = w("review.disputed") if stands.disputed else w(_VERDICTS[stands.verdict])
    if stands.verdict == 1 and last.opinion.label:
        words = f"{words} ({w.class_name(last.opinion.label)})"
    return f"{words}; {last.opinion.reviewer}, {last.decided_at[:10]}"


def judged_of(subject: Subject, row: Any) -> str | None:
    """Return what review and, in a round, work on the ground say of an item; None where nobody judged."""
    stands, state = verdict_of(subject, int(row["item"])), row.get("state", STATES[UNREVIEWED])
    words = [told(subject, stands)] if stands is not None else []
    if state in _WORKED or (stands is None and state != STATES[UNREVIEWED]):
        words.append(subject.words(f"state.{_STATES[state]}"))
    return "; ".join(words) or None


def number_of(subject: Subject, row: Any) -> str:
    """Return the number that an item's image has in the table of flights."""
    return str(next(n for n, image in enumerate(subject.images, start=1) if image.image_id == row["image_id"]))


def _chips(subject: Subject) -> Markup:
    w, items = subject.words, subject.items
    shown = items.head(subject.options.most_chips)
    images = {image.image_id: image for image in subject.images}
    made, unseen = [], 0
    for _, row in shown.iterrows():
        drawn = chip(images[row["image_id"]], row)
        if drawn is None:
            unseen += 1
            continue
        made.append(tag("figure", drawn, tag("figcaption", *_caption(subject, row)), class_="card"))
    count = len(made)
    title = w("detections.chips", n=count, all=len(items))
    if count == len(items):
        title = w("detections.chips.all", n=count)
    note = tag("p", w("detections.unseen", n=unseen), class_="caution") if unseen else None
    head = tag("p", title) if made else None
    return joined(head, note, tag("div", *made, class_="cards") if made else None)


def _caption(subject: Subject, row: Any) -> tuple[Markup, ...]:
    w = subject.words
    place = ""
    if subject.options.coordinates:
        place = f"E {row.geometry.x:.1f}  N {row.geometry.y:.1f}"
    lines = [
        tag("strong", f"{row['number']} · {w('detections.candidate', name=w.class_name(row['class']))}"),
        tag("span", f"{w('detections.probability')} {row['probability']:.2f}, {row['size_m']:.2f} m"),
        tag("span", f"± {row['position_error_m']:.2f} m, {w('detections.image')} {number_of(subject, row)}"),
        tag("span", place) if place else None,
    ]
    judged = judged_of(subject, row)
    lines.append(tag("span", judged) if judged is not None else None)
    return tuple(line for line in lines if line is not None)


def _table(subject: Subject) -> Markup:
    w, items, coordinates = subject.words, subject.items, subject.options.coordinates
    heads = ["number", "class", "probability", "score", "size"]
    heads += (["east", "north"] if coordinates else []) + ["error", "sightings", "image", "id", "verdict"]
    rows: list[list[str | Markup | None]] = []
    for _, row in items.head(MOST_ROWS).iterrows():
        place = [f"{row.geometry.x:.2f}", f"{row.geometry.y:.2f}"] if coordinates else []
        rows.append(
            [
                str(row["number"]),
                w.class_name(str(row["class"])),
                f"{row['probability']:.3f}",
                f"{row['score']:.3f}",
                f"{row['size_m']:.2f}",
                *place,
                f"{row['position_error_m']:.2f}",
                str(row["sightings"]),
                number_of(subject, row),
                tag("code", str(row["detection_id"])),
                judged_of(subject, row) or "–",
            ]
        )
    right = {0, *range(2, 10 if coordinates else 8)}
    listed = table([w(f"detections.{h}") for h in heads], rows, numbers=right, kind="dense")
    note = tag("p", w("detections.rows", n=MOST_ROWS, all=len(items))) if len(items) > MOST_ROWS else None
    return joined(note, listed)


def _counted(subject: Subject, decisions: int) -> Markup | None:
    """Return a caution where the risk does not count all decisions in."""
    current, w = subject.run.current, subject.words
    if current.round is None:
        return tag("p", w("review.uncounted"), class_="caution")
    newer = decisions - int(current.round.summary["review"]["decisions"])
    return tag("p", w("review.newer", n=newer, round=current.name), class_="caution") if newer > 0 else None


def review(subject: Subject) -> Markup:
    """Return who judged what, when, and what stands."""
    w, read = subject.words, subject.verdicts
    if read is None or not read.decisions:
        return tag("p", w("review.none"))
    numbers = dict(zip(subject.items["item"].astype(int), subject.items["number"].astype(int), strict=True))
    by_sighting = dict(zip(subject.detections["detection_id"], subject.detections["item"].astype(int), strict=True))
    judged = {item for item in numbers if verdict_of(subject, item) is not None}
    reviewers = sorted({d.opinion.reviewer for d in read.decisions})
    about = w("review.about", judged=len(judged), all=len(numbers), reviewers=", ".join(reviewers))
    rows: list[list[str | Markup | None]] = []
    for decision in read.decisions:
        item = by_sighting.get(decision.opinion.subject)
        number = str(numbers[item]) if item is not None else "–"
        what = str(decision.opinion.kind).replace("_", " ")
        rows.append([number, what, decision.opinion.reviewer, in_words(decision), decision.decided_at[:19]])
    heads = ["number", "kind", "reviewer", "verdict", "time"]
    listed = table([w(f"review.{h}") for h in heads], rows[:MOST_ROWS], numbers={0})
    rest = tag("p", w("review.rows", n=MOST_ROWS, all=len(rows))) if len(rows) > MOST_ROWS else None
    sha = tag("p", w("review.sha", sha=read.sha256), class_="small")
    return joined(tag("p", about), _counted(subject, len(read.decisions)), rest, listed, sha)
