"""Whether what other commands made is of a run as it is looked at: in the same round, in another, or not of it."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from survey.export.manifest import listed_products
from survey.provenance.finished import FinishedRun
from survey.rounds.folder import rounds_of

_RISK = "risk.tif"


class Origin(StrEnum):
    """Of what a folder was made."""

    SAME = "same"
    ROUND = "round"
    """Of this run, in another round or before any."""
    OTHER = "other"


WORDS: Mapping[Origin, str] = {
    Origin.SAME: "made from this run",
    Origin.ROUND: "made from this run, but NOT in the round that is shown",
    Origin.OTHER: "NOT made from this run's products as they are",
}


def origin_of(run: FinishedRun, report: Mapping[str, Any]) -> Origin:
    """Return the origin of patterns or candidate areas, from their report."""
    told, now = report.get("inputs", {}), run.current.inputs
    if told.get("run") != now["run"]:
        return Origin.OTHER
    return Origin.SAME if told.get("round") == now.get("round") else Origin.ROUND


def origin_of_plan(run: FinishedRun, report: Mapping[str, Any]) -> Origin:
    """Return the origin of a plan, whose report names the raster that it was made on."""
    told = report.get("inputs", {}).get("risk", {}).get("sha256")
    if told == _risk(run.current.folder):
        return Origin.SAME
    others = [run.products, *(found.folder for found in rounds_of(run.folder) if found.of_run(run.folder))]
    return Origin.ROUND if told in {_risk(folder) for folder in others} else Origin.OTHER


def _risk(folder: Path) -> str | None:
    return listed_products(folder).get(_RISK)
