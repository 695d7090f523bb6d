"""What an export did, in numbers and in words."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from survey.deliver.geometry import Checked
from survey.deliver.redaction import Redacted, Redaction
from survey.deliver.tables import Finished
from survey.geometry import as_rows

CAUTION = (
    "Candidates from imagery for people to judge. No detection is not absence of ordnance, and nothing here decides "
    "about any piece of land."
)


def report_of(
    finished: Finished,
    results: Sequence[Checked],
    cleaned: Redacted,
    redaction: Redaction,
    *,
    left_out: Sequence[str],
    formats: Sequence[str],
) -> dict[str, Any]:
    """Return what was written, what was wrong and what did not leave; under a redaction, no fault has a place."""
    geometry = {}
    for result in results:
        key = f"{result.table.folder or 'run'}: {result.table.name}"
        outcomes = Counter(f"{f.fault}: {f.outcome}" for f in result.failures)
        geometry[key] = {
            "features": len(result.table),
            "faults": dict(sorted((re.sub(r"(named|left to) .*", r"\1 another", k), n) for k, n in outcomes.items())),
        }
        if not redaction.anything:
            geometry[key]["failures"] = as_rows(result.failures)
    return {
        "version": 1,
        "run_id": finished.run_id,
        "run_manifest_sha256": finished.manifest_sha256,
        "round": None if finished.current is None else finished.current.name,
        "changed_since_the_run": list(finished.changed) if not redaction.anything else len(finished.changed),
        "formats": list(formats),
        "layers": {f"{t.folder or 'run'}: {t.name}": len(t) for t in cleaned.tables},
        "geometry": geometry,
        "redaction": {
            "places": redaction.place,
            "metres": redaction.metres if redaction.place == "coarsen" else None,
            "people": redaction.people,
            "names": redaction.names,
            "withheld": [*cleaned.withheld],
        },
        "left_out": sorted(Counter(left_out)),
        "caution": CAUTION,
    }


def told(report: dict[str, Any], folder: Path, redaction: Redaction) -> tuple[str, ...]:
    """Return the report in lines for people."""
    of = "the run before any round" if report["round"] is None else f"round {report['round']}"
    lines = [f"risk and sightings: of {of}"]
    lines += [f"{layer}: {count} features" for layer, count in report["layers"].items()]
    for layer, found in report["geometry"].items():
        lines += [f"{layer}: {count} × {fault}" for fault, count in found["faults"].items()]
    if report["changed_since_the_run"]:
        lines.append("files differ from the run's manifest: run `survey verify`")
    if redaction.place == "coarsen":
        lines.append(f"places are coarse: up to {redaction.error_m:.0f} m from the true ones")
    lines += [f"left out: {what}" for what in report["left_out"]]
    return (*lines, f"written: {folder}", CAUTION)
