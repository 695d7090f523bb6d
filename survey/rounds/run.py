"""`survey risk`: one more round, or the history of those there are."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from survey.engine.lock import locked
from survey.errors import InputError
from survey.evidence import StoredPrior
from survey.export import MANIFEST
from survey.export.manifest import listed_products
from survey.files import make_folder, sha256_of, temporary_beside
from survey.review import FILE as REVIEW
from survey.rounds.basis import FILE as BASIS
from survey.rounds.basis import Basis
from survey.rounds.folder import ROUNDS, RUN_INPUT, Round, band_of, latest_round, rounds_of
from survey.rounds.ground import WorkedGround
from survey.rounds.known import Known
from survey.rounds.reassess import reassess
from survey.rounds.results import Results, read_results
from survey.rounds.taken import IN_ROUND, note_round
from survey.rounds.verdicts import Verdicts, read_verdicts
from survey.rounds.words import history_in_words, round_in_words
from survey.rounds.write import RISK, Before, write_round

EXIT_DONE = 0
EXIT_INCOMPLETE = 3


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What became of it."""

    folder: Path
    written: bool
    """False: the latest round has the same inputs."""
    summary: dict[str, Any]
    text: str
    exit_code: int
    """0, or 3 if a layer of results had rows and none of them could be used."""


def compute_round(
    run: Path, *, review: Path | None = None, evidence: Path | None = None, results: Sequence[Path] = ()
) -> RoundResult:
    """Compute a run's risk with what became known since, as a new round in `RUN/rounds`.

    Neither the run's products nor earlier rounds are changed. The same inputs give the same bytes.

    Args:
        run: Folder of a finished run.
        review: Store of reviewers' decisions; else the run's own, if it has one.
        evidence: Folder of `survey evidence`, whose prior takes the place of the run's.
        results: Files like `configs/results.yaml`.

    Raises:
        InputError: The run did not finish, or an input cannot be used.
        ConfigError: A results file does not fit.
        ResumeError: Another process computes a round of this run.
    """
    products = run / "products"
    if listed_products(products).get(BASIS) is None or not (products / BASIS).is_file():
        msg = f"{products / BASIS}: there is none; give the same `survey run` again, which writes its products anew"
        raise InputError(msg)
    basis = Basis.read(run)
    review = run / REVIEW if review is None and (run / REVIEW).is_file() else review
    verdicts = read_verdicts(review, basis) if review is not None else Verdicts.none(len(basis.detections))
    stored = StoredPrior.of(evidence) if evidence is not None else None
    grid = basis.searched.grid
    read = read_results(results, grid=grid)
    inputs = {RUN_INPUT: sha256_of(products / MANIFEST), "program": version("survey")}
    inputs |= {IN_ROUND: stored.sha256} if stored is not None else {}
    inputs |= {"review: decisions": verdicts.sha256} if verdicts.sha256 is not None else {}
    inputs |= {f"results: {name}": sha256_of(path) for name, path in read.inputs.items()}
    with locked(run / "locks" / "rounds.lock"):
        for half in (run / ROUNDS).glob(".*.tmp"):  # of a process that was killed
            shutil.rmtree(half, ignore_errors=True)
        earlier = rounds_of(run)
        before = latest_round(run)
        if before is not None and before == earlier[-1] and before.inputs == inputs:
            note_round(before.folder, evidence)
            text = f"{before.folder}: has the same inputs; no round was written\n{round_in_words(before.summary)}"
            return RoundResult(before.folder, False, dict(before.summary), text, _status(read))
        prior = stored.over(grid) if stored is not None else basis.prior_field()
        ground = WorkedGround(read, searched=basis.searched, codes=products / "disturbance.tif")
        known = Known(basis, prior, verdicts, read, ground)
        number = earlier[-1].number + 1 if earlier else 1
        about = {"version": 1, "round": number, "notes": _notes(before, inputs, read)}
        folder = make_folder(run / ROUNDS) / f"{number:03}"
        note_round(folder, evidence)  # before the round is there, so that there is none without it
        summary = _written(folder, known, before=_before(run, before), about=about, inputs=inputs)
    return RoundResult(folder, True, summary, round_in_words(summary), _status(read))


def history(run: Path) -> str:
    """Return the rounds of a run in words.

    Raises:
        InputError: The run did not finish, or a round is damaged.
    """
    listed_products(run / "products")
    rounds = rounds_of(run)
    return history_in_words([(r.summary, r.inputs, r.of_run(run)) for r in rounds])


def _before(run: Path, before: Round | None) -> Before:
    """Return what was held to remain before: by the latest round, or by the run."""
    if before is None:
        return Before("run", band_of(run / "products" / RISK, "expected_items"))
    return Before(before.folder.name, band_of(before.folder / RISK, "remaining_items"))


def _written(folder: Path, known: Known, *, before: Before, about: dict[str, Any], inputs: dict[str, str]) -> Any:
    """Write a round beside its place and move it there whole."""
    half = temporary_beside(folder)
    try:
        make_folder(half)
        summary = write_round(half, known, reassess(known), before=before, about=about, inputs=inputs)
        half.rename(folder)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return summary


def _notes(before: Round | None, inputs: dict[str, str], read: Results) -> list[str]:
    """Return what whoever reads a round has to know beside its numbers."""
    notes = []
    if before is not None and (gone := sorted(set(before.inputs) - set(inputs))):
        notes.append(f"round {before.folder.name} used {', '.join(gone)}, which this round was not given")
    for name, report in read.reports.items():
        if not report.rows:
            notes.append(f"{name}: has no row: nothing in the file, or nothing that layer and where leave of it")
        for reason, count in sorted(report.set_aside.items()):
            notes.append(f"{name}: {count} of {report.rows} rows set aside: {reason}")
        for reason, count in sorted(report.repaired.items()):
            notes.append(f"{name}: {count} of {report.rows} rows repaired: {reason}")
        if report.outside:
            notes.append(f"{name}: {report.outside} of {report.rows} rows lie outside the run's hectares")
    for name, count in read.unknown_classes.items():
        notes.append(f"{count} items found are of class '{name}', for which groups names none: taken as most expected")
    return notes


def _status(read: Results) -> int:
    lost = any(r.rows > r.outside and not r.used for r in read.reports.values())
    return EXIT_INCOMPLETE if lost else EXIT_DONE
