"""`survey explain`: one hectare, from what was believed before to what is believed now."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from survey.errors import ConfigError, InputError
from survey.evidence import Explanation, Section, StoredPrior, explain, explain_prior
from survey.evidence.explain import locate, title_of
from survey.evidence.stored import read_record
from survey.explain.finished import FinishedRun
from survey.explain.judged import judge
from survey.explain.known import RoundKnown
from survey.explain.sections import configured_prior, nobody_flew, posterior, search, sightings
from survey.review import FILE as REVIEW
from survey.risk import Prior, PriorField, Review
from survey.rounds.taken import TakenEvidence
from survey.values import HECTARE_EDGE_M, ORDNANCE_GROUPS, HectareGrid


def explain_cell(  # noqa: PLR0913 - the public entry point
    x: float,
    y: float,
    *,
    run: Path | None = None,
    evidence: Path | None = None,
    crs: str | None = None,
    review: Review | None = None,
    number: int | None = None,
) -> Explanation:
    """Explain the cell that holds a point.

    Args:
        x: In metres of the grid's CRS, or in units of `crs` (longitude first).
        y: Likewise.
        run: Folder of a finished run, or of one of its rounds: explains all that its risk is made of.
        evidence: Folder written by `survey evidence`. Without a run, its prior alone is explained; with one, it is
            where the run's evidence lies now.
        crs: CRS of the point, if another than the grid's.
        review: Verdicts on the run's sightings, if its own risk was made with some.
        number: Of the round of the run; 0 is the run without any, None the latest.

    Raises:
        InputError: A folder is not what it should be, the evidence is not that of the run, or the point lies outside.
        ConfigError: Neither folder is given, or `crs` is no CRS.
    """
    if run is None:
        if evidence is None:
            msg = "explain: give --run DIR of a finished run, or --evidence DIR for a prior alone"
            raise ConfigError(msg)
        return explain(x, y, evidence=evidence, crs=crs)
    finished = FinishedRun.of(run, number)
    known = RoundKnown.of(finished)
    row, col = locate(x, y, grid=finished.grid, crs=crs, what=f"the run in {run}")
    density, before = _prior(finished, evidence, row, col)
    title = title_of(finished.grid, row, col) + ("" if known is None else f", as of {finished.current.words}")
    if np.isnan(finished.bands["searched_fraction"][row, col]):
        worked = known.worked(finished, row, col) if known is not None else None
        return Explanation(title, tuple(s for s in (before, nobody_flew(), worked) if s is not None))
    judged = judge(finished, row=row, col=col, prior=density, review=review, known=known)
    bands = finished.bands if known is None else known.bands
    sections: tuple[Section | None, ...] = (
        before,
        search(finished, judged, unsearched=finished.unsearched(row, col)),
        sightings(finished, judged, state=None if known is None else known.state),
        None if known is None else known.worked(finished, row, col),
        posterior({name: float(values[row, col]) for name, values in bands.items()}, in_round=known is not None),
    )
    if number is None and known is None and (finished.folder / REVIEW).is_file():
        said = f"decisions of {REVIEW} are not counted in: `survey risk` computes a round with them"
        sections = (*sections, Section("Review", (said,), {"counted": False}))
    return Explanation(title, tuple(section for section in sections if section is not None))


def _prior(run: FinishedRun, evidence: Path | None, row: int, col: int) -> tuple[PriorField, Section]:
    """Return the prior of a cell, and why it is so."""
    taken = TakenEvidence.of(run.current.folder)
    if taken is None:
        if evidence is not None:
            msg = (
                f"--evidence {evidence}: {run.folder} took its configured prior and no evidence; leave the option "
                "away, or give it without --run to explain the evidence alone"
            )
            raise InputError(msg)
        stated = Prior(
            run.config["prior_items_per_ha"], run.config["prior_shape"], tuple(run.config["prior_shares"])
        ).over(1)
        return stated, configured_prior(stated)
    remedy = "say with --evidence where it lies"
    stored = taken.stored(remedy=remedy) if evidence is None else StoredPrior.of(evidence)
    if stored.sha256 != taken.sha256:
        msg = f"{stored.folder}: is not the evidence that {taken.by} was made with; {remedy}, or compute the risk anew"
        raise InputError(msg)
    x_min, y_max = run.grid.x_min + col * HECTARE_EDGE_M, run.grid.y_max - row * HECTARE_EDGE_M
    density = stored.over(HectareGrid(run.grid.crs, x_min, y_max, 1, 1))
    there_row = (stored.grid.y_max - y_max) // HECTARE_EDGE_M
    there_col = (x_min - stored.grid.x_min) // HECTARE_EDGE_M
    own = explain_prior(stored.folder, read_record(stored.folder), row=there_row, col=there_col)
    some = dict(zip(("total", *ORDNANCE_GROUPS), density.present()[0].tolist(), strict=True))
    joint = f"at least one of any group with probability {some['total']:.2g}, groups taken as independent"
    return density, replace(own, lines=(*own.lines, joint), numbers={**own.numbers, "p_at_least_one": some})
