"""`survey candidates`: read a finished run, apply the rule, write proposals."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from survey.candidates.config import CandidatesConfig
from survey.candidates.criteria import lay_out
from survey.candidates.inputs import Inputs, read_inputs
from survey.candidates.polygons import CHA, SHA, outline
from survey.candidates.reasons import looked_at, none_proposed
from survey.candidates.tables import layer_of, rows_of
from survey.errors import OutputError
from survey.export import candidate_style, name_by, write_geopackage, write_manifest, write_summary
from survey.files import make_folder, write_bytes
from survey.geometry import check_features

LAYERS, REPORT, SUMMARY = "candidates.gpkg", "candidates.json", "summary.txt"
_OWN = frozenset({LAYERS, REPORT, SUMMARY, "MANIFEST.json"})
_ITEMS = (
    "Expected items are those of the whole hectares that the evidence of a proposal lies in; proposals that share a "
    "hectare count it each."
)
_NOT_GIVEN = (
    "the risk was computed with evidence, whose layers do not count here: they do where --evidence names their folder"
)
_OTHER = "the risk was computed with other evidence than the one whose layers count here"
CAUTIONS = (
    "These are proposals for people to judge. Only the national mine action authority decides about hazardous areas.",
    "Ground outside them is not proposed, which is no finding about it: no detection is not absence.",
    "No hazardous area on record is made smaller by them.",
    _ITEMS,
)


@dataclass(frozen=True, slots=True)
class Proposed:
    """What was proposed."""

    text: str
    report: Mapping[str, Any]


def propose(  # noqa: PLR0913 - the public entry point
    run: Path,
    *,
    rule: CandidatesConfig,
    out: Path,
    evidence: Path | None = None,
    patterns: Path | None = None,
    review: Path | None = None,
    number: int | None = None,
) -> Proposed:
    """Write candidate SHA and CHA of a finished run. The same input gives the same bytes.

    Args:
        run: Folder of a finished run, or of one of its rounds.
        rule: What counts as evidence, and how much is enough.
        out: Folder for the proposals: new, empty, or of this command, which is then replaced.
        evidence: Folder written by `survey evidence`.
        patterns: Folder written by `survey patterns` of this run.
        review: `review.sqlite`, or what `survey review --export` wrote; else the verdicts of the round count.
        number: Of the round; 0 is the run before any, None the latest.

    Raises:
        InputError: A folder is not what it should be.
        OutputError: The folder holds something else.
    """
    _refuse_foreign(out)
    inputs = read_inputs(
        run,
        evidence=evidence,
        patterns=patterns,
        review=review,
        row_items_per_ha=rule.row_items_per_ha,
        number=number,
    )
    ground = lay_out(inputs, rule)
    outlines = outline(ground, rule)
    rows = rows_of(inputs, ground, outlines, rule)
    wrong = check_features([row["candidate"] for row in rows], outlines.shape)
    assert not wrong, wrong
    settings = rule.model_dump(mode="json")
    hashes = {**inputs.hashes, "rule": hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()}
    given = {name: name in inputs.hashes for name in ("evidence", "patterns")}
    given |= {"review": "review" in inputs.hashes or inputs.round is not None}
    looked = looked_at(inputs, ground, rule)
    counts = {kind: outlines.kind.count(kind) for kind in (CHA, SHA)}
    report = _report(rows, inputs) | {
        "rule": settings,
        "inputs": hashes,
        "given": given,
        "risk_took_the_evidence": inputs.risk_took,
        "looked_at": looked,
        "none_proposed": none_proposed(counts, looked, rule=rule, given=given),
    }
    make_folder(out)
    (out / "MANIFEST.json").unlink(missing_ok=True)  # vouches for the other files, so it goes first and comes last
    layers = [layer_of(rows, outlines, hashes)]
    write_geopackage(out / LAYERS, crs=inputs.grid.crs, layers=layers, styles={"candidates": candidate_style()})
    write_summary(out / REPORT, summary=report)
    text = in_words(report)
    write_bytes(out / SUMMARY, text.encode() + b"\n")
    write_manifest(out, run_id=name_by(hashes), inputs=hashes, model={}, notes=CAUTIONS)
    return Proposed(text, report)


def _refuse_foreign(out: Path) -> None:
    if out.is_dir() and (foreign := sorted({p.name for p in out.iterdir() if not p.name.startswith(".")} - _OWN)):
        msg = f"{out}: holds {foreign[0]}, which is not of `survey candidates`; name a new or empty folder"
        raise OutputError(msg)


def _report(rows: Sequence[Mapping[str, Any]], inputs: Inputs) -> dict[str, Any]:
    kinds = {}
    for kind in (CHA, SHA):
        own = [row for row in rows if row["kind"] == kind]
        kinds[kind] = {
            "proposals": len(own),
            "area_ha": sum(row["area_ha"] for row in own),
            "not_searched_ha": sum(row["not_searched_ha"] for row in own),
            "items_confirmed": sum(row["items_confirmed"] for row in own),
            "items_seen": sum(row["items_seen"] for row in own),
        }
    return {
        "version": 1,
        "round": inputs.round,
        "crs": inputs.grid.crs,
        "searched_ha": inputs.searched.area / 10_000,
        "items_rejected_by_review": inputs.rejected,
        "kinds": kinds,
        "candidates": list(rows),
        "cautions": list(CAUTIONS),
    }


def in_words(report: Mapping[str, Any]) -> str:
    """Return the proposals as plain text."""
    told = "the run before any round" if report["round"] is None else f"what remains after round {report['round']}"
    lines = [f"risk: {told}"]
    for kind, told in report["kinds"].items():
        area = f"{told['area_ha']:.2f} ha, of which {told['not_searched_ha']:.2f} ha not searched"
        items = f"{told['items_confirmed']} confirmed items, {told['items_seen']} unreviewed sightings"
        lines.append(f"proposals of {kind}: {told['proposals']}, {area}; {items}")
    missing = [name for name, given in report["given"].items() if not given]
    if missing:
        lines.append(f"not looked at: {', '.join(missing)} (none given)")
    if report["risk_took_the_evidence"] is False:
        lines.append(_OTHER if report["given"]["evidence"] else _NOT_GIVEN)
    if report["items_rejected_by_review"]:
        lines.append(f"{report['items_rejected_by_review']} items left out that review rejected")
    for kind, told in report["none_proposed"].items():
        lines += ["", f"why there is no {kind}:", *(f"  {line}" for line in told["why"])]
        lines += ["what would change it:", *(f"  {line}" for line in told["would_change"])]
    for row in report["candidates"]:
        items = f"{row['hectares_items']:.3g} ({row['hectares_items_q05']:.0f} to {row['hectares_items_q95']:.0f})"
        area = f"{row['area_ha']:.2f} ha, {row['searched_share']:.0%} searched"
        within = f"in the hectares that its evidence lies in: {row['hectares']}, {row['hectares_not_flown']} not flown"
        lines += ["", f"{row['candidate']}: {area}; {items} items expected {within}", f"  {row['basis']}"]
    return "\n".join([*lines, "", *(f"note: {caution}" for caution in report["cautions"])])
