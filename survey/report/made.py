"""Sections on what else was made of the run: evidence, candidate areas, patterns."""

import numpy as np

from survey.errors import InputError
from survey.export import read_layer
from survey.markup import Markup, joined, prose, table, tag
from survey.provenance.finished import read_json
from survey.provenance.origin import Origin, origin_of
from survey.report.evidence_map import evidence_map
from survey.report.maps import areas_map
from survey.report.subject import Subject, hectares

MOST_ROWS = 60
WEAK_P = 0.01
"""Rows with a p-value above this are drawn dashed."""


def evidence(subject: Subject) -> Markup:
    """Return the layers of evidence with their classes by the configured standard."""
    w, folder = subject.words, subject.evidence
    imagery = _imagery_as_evidence(subject)
    if folder is None:
        gone = None if subject.taken is None else tag("p", w("evidence.gone"), class_="caution")
        return joined(absent(subject, "survey evidence", "--evidence"), gone, imagery)
    record, report = read_json(folder / "evidence.json"), read_json(folder / "report.json")
    entries = {entry["name"]: entry for entry in record["settings"]["layers"]}
    rows: list[list[str | Markup | None]] = []
    for name in record["order"]:
        told, entry = report["layers"][name], entries[name]
        read = told["geometries"]
        change = sum(told["change_of_expected_items"].values())
        rows.append(
            [
                name,
                str(told["kind"]).replace("_", " "),
                told["evidence"] or w("evidence.absence"),
                f"{entry.get('source', '')}, {entry.get('date', '')}",
                f"{read['used']} / {read['rows']}",
                f"{change:+.3g}",
            ]
        )
    heads = ["layer", "kind", "class", "source", "rows", "change"]
    listed = table([w(f"evidence.{h}") for h in heads], rows, numbers={4, 5})
    cells = report["cells_by_evidence"]
    about = tag("p", w("evidence.about", standard=record["settings"]["standard"]))
    took = tag("p", w("evidence.took")) if subject.took(folder) else None
    other = None if took else tag("p", w("evidence.other"), class_="caution")
    counts = tag("p", w("evidence.cells", **cells))
    return joined(about, took, other, listed, counts, evidence_map(subject, folder), imagery)


def _imagery_as_evidence(subject: Subject) -> Markup:
    """Return how the rule of the candidate areas ranks what the run saw, or that nothing ranks it."""
    w, folder = subject.words, subject.options.candidates
    if folder is None:
        return tag("p", w("evidence.imagery"))
    rule = read_json(folder / "candidates.json")["rule"]
    rows: list[list[str | Markup | None]] = [
        [w(f"evidence.by.{name}"), str(ranked), f"{rule['weights'][name]:g}"]
        for name, ranked in sorted(rule["classes"].items())
    ]
    about = tag("p", w("evidence.ranked", standard=rule["standard"]))
    return joined(about, table([w(f"evidence.{h}") for h in ("from_run", "class", "weight")], rows, numbers={2}))


def candidates(subject: Subject) -> Markup:
    """Return the candidate areas with what they rest on."""
    w, folder = subject.words, subject.options.candidates
    if folder is None:
        return absent(subject, "survey candidates", "--candidates")
    report, found = read_json(folder / "candidates.json"), read_layer(folder / "candidates.gpkg", "candidates")
    found = found.to_crs(subject.run.grid.crs)
    own = linked(subject, origin_of(subject.run, report))
    about = tag("p", f"{w('candidates.about')} {w('evidence.about', standard=report['rule']['standard'])}")
    cautions = tag("ul", *(tag("li", line) for line in report["cautions"]))
    if not len(found):
        return joined(about, own, tag("p", w("candidates.none")), cautions)
    named = subject.options.coordinates
    rows: list[list[str | Markup | None]] = []
    for n, (_, row) in enumerate(found.head(MOST_ROWS).iterrows(), start=1):
        items = f"{row['hectares_items']:.3g} ({row['hectares_items_q05']:.0f} – {row['hectares_items_q95']:.0f})"
        numbers = [hectares(float(row["area_ha"])), f"{100 * row['searched_share']:.0f} %", items]
        rows.append(
            [str(n), *([str(row["candidate"])] if named else []), str(row["kind"]), *numbers, str(row["basis"])]
        )
    heads = ["number", *(["id"] if named else []), "kind", "area", "searched", "items", "basis"]
    listed = table([w(f"candidates.{h}") for h in heads], rows, numbers={0, *range(2 + named, 5 + named)}, kind="dense")
    note = tag("p", w("candidates.rows", n=MOST_ROWS, all=len(found))) if len(found) > MOST_ROWS else None
    shapes = [
        (g, str(n), str(kind).endswith("CHA"))
        for n, (g, kind) in enumerate(zip(found.geometry, found["kind"], strict=True), start=1)
    ]
    return joined(about, own, areas_map(subject, "candidates", shapes), note, listed, cautions)


def patterns(subject: Subject) -> Markup:
    """Return the rows in which items lie."""
    w, folder = subject.words, subject.options.patterns
    if folder is None:
        return absent(subject, "survey patterns", "--patterns")
    report, rows_of = read_json(folder / "patterns.json"), read_layer(folder / "patterns.gpkg", "patterns")
    own = origin_of(subject.run, report)
    about = tag("p", w("patterns.about", rows=len(rows_of), items=report["items"]))
    caution = tag("p", report["caution"], class_="small")
    if not len(rows_of):
        return joined(about, linked(subject, own), caution)
    rows: list[list[str | Markup | None]] = []
    for _, row in rows_of.iterrows():
        spacing = f"{row['spacing_m']:.2f} ({row['spacing_low_m']:.2f} – {row['spacing_high_m']:.2f})"
        numbers = [f"{row['length_m']:.1f}", spacing if np.isfinite(row["spacing_m"]) else "–", f"{row['p_value']:.3f}"]
        unseen = [f"{row['unseen_within']:.1f}", f"{row['unseen_beyond']:.1f}"]
        rows.append([str(row["pattern"]), str(row["members"]), *numbers, *unseen])
    heads = ["number", "members", "length", "spacing", "p", "within", "beyond"]
    listed = table([w(f"patterns.{h}") for h in heads], rows, numbers=set(range(7)))
    drawn = [
        (g, str(n), bool(p <= WEAK_P))
        for g, n, p in zip(rows_of.geometry, rows_of["pattern"], rows_of["p_value"], strict=True)
    ]
    return joined(about, linked(subject, own), areas_map(subject, "patterns", drawn), listed, caution)


def check_folders(subject: Subject) -> None:
    """Refuse folders that are not what they are given for.

    Raises:
        InputError: One is not.
    """
    given = subject.options
    for option, folder, file, command in (
        ("--evidence", given.evidence, "evidence.json", "survey evidence"),
        ("--patterns", given.patterns, "patterns.json", "survey patterns"),
        ("--plan", given.plan, "priority.json", "survey prioritise"),
        ("--candidates", given.candidates, "candidates.json", "survey candidates"),
    ):
        if folder is not None and not (folder / file).is_file():
            msg = f"{option} {folder}: holds no {file}; name a folder that `{command}` wrote"
            raise InputError(msg)


def absent(subject: Subject, command: str, option: str) -> Markup:
    """Return that a folder was not given, and which command writes one."""
    return prose(subject.words("not_provided_by", command=command, option=option), class_="absent")


def linked(subject: Subject, origin: Origin) -> Markup:
    """Return whether something was made of this run."""
    return tag("p", subject.words(f"linked.{origin}"), class_="small" if origin is Origin.SAME else "caution")
