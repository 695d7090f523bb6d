"""`survey prior fit`: choose, calibrate and fit on blocks left out; measure against a plain baseline."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.errors import ConfigError, InputError
from survey.evaluate.fitting import choose_curve, cross_fitted, folds, left_out, log_loss
from survey.files import make_folder, sha256_of, write_bytes
from survey.prior.config import PriorConfig
from survey.prior.context import contexts
from survey.prior.learners import Candidate, candidates, train
from survey.prior.measures import Forecast, auc_pr, compare
from survey.prior.model import MODEL, Boosting, LearntPrior, Logistic, dump_prior
from survey.prior.report import REPORT, in_words
from survey.prior.table import Table, check_columns, columns_of, groups_of, read_table

Array = NDArray[np.float64]

LEAST_GAIN = 0.005
"""AUC-PR by which a later candidate must be better: of some dozen alike ones the plainest is to win."""
BASELINE_STRENGTH = 0
"""The baseline is hardly regularised: it has few columns."""
CAUTION = (
    "A low probability is no evidence of absence: it says what ground like this was in the table, by the labels in it. "
    "The figures of training flatter a little, for the same blocks chose the candidate."
)


def fit_prior(config: PriorConfig, *, table: Path, out: Path, test: Path | None = None) -> str:
    """Learn P(contaminated), write it with its report, and return the report in words.

    Choice, calibration and fit see `table` alone; `test` is scored once, at the end.

    Args:
        config: Settings.
        table: CSV of cells whose past is known.
        out: Folder for `prior.json` and `report.json`.
        test: CSV of other cells.

    Raises:
        ConfigError: Settings contradict themselves.
        InputError: A table cannot be used.
    """
    check_columns(config)
    cells = read_table(table, config=config)
    others = read_table(test, config=config) if test is not None else None
    blocks = cells.blocks(config.block_km)
    _check_blocks(cells, blocks, config=config, path=table)
    bench = _Bench(config, cells, blocks)
    scored = [(candidate, bench.held_out(candidate)) for candidate in _candidates(config)]
    quality = [auc_pr(logits, cells.label) for _, logits in scored]
    best = _plainest_best(quality)
    candidate, logits = scored[best]
    calibration = choose_curve(logits, cells.label, blocks)
    plain = Candidate("logistic", columns_of(config, config.baseline or tuple(config.features)[:1]), BASELINE_STRENGTH)
    report: dict[str, Any] = {
        "candidates": [_row(c, auc_pr=q) for (c, _), q in zip(scored, quality, strict=True)],
        "chosen": _row(candidate, auc_pr=quality[best]) | {"calibration": str(calibration.curve.kind)},
        "calibration_log_loss": calibration.log_loss,
        "blocks": len(np.unique(blocks)),
        "folds": int(bench.fold.max()) + 1,
        "rows_without_label_or_place": cells.left_out,
        "caution": CAUTION,
    }
    model_held = left_out(calibration.curve.kind, logits, cells.label, blocks)
    plain_held = _probability(bench.held_out(plain))
    report["left_out_blocks"] = _compared(config, cells, model_held, plain_held)
    training = {
        "config": config.model_dump(mode="json"),
        "table_sha256": sha256_of(table),
        "cells": len(cells.label),
        "prevalence": float(cells.label.mean()),
        "left_out_blocks": {k: v for k, v in report["left_out_blocks"]["model"].items() if k != "reliability"},
        "log_loss": log_loss(model_held, cells.label),
    }
    prior = bench.prior(candidate, curve=calibration.curve, training=training)
    if others is not None:
        values = others.features[:, bench.places(candidate)]
        baseline = bench.scorer(plain, np.ones(len(cells.label), np.bool_))
        plain_test = _probability(baseline.logit(others.features[:, bench.places(plain)]))
        report["test"] = _compared(config, others, prior.probability(values), plain_test)
        report["test"]["rows_without_label_or_place"] = others.left_out
        outside, unknown = prior.strange(values)
        report["test"]["cells_outside_training"] = int((outside + unknown > 0).sum())
    make_folder(out)
    write_bytes(out / REPORT, json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False).encode())
    write_bytes(out / MODEL, dump_prior(prior))
    return in_words(report)


@dataclass(frozen=True, slots=True)
class _Bench:
    """Fits candidates to all cells, or to those outside each fold."""

    config: PriorConfig
    cells: Table
    blocks: NDArray[np.str_]

    @property
    def fold(self) -> NDArray[np.intp]:
        return folds(self.blocks, most=self.config.folds)

    def places(self, candidate: Candidate) -> list[int]:
        """Return where the candidate's columns stand among the table's."""
        names = columns_of(self.config)
        return [names.index(name) for name in candidate.columns]

    def scorer(self, candidate: Candidate, inside: NDArray[np.bool_]) -> Logistic | Boosting:
        values = self.cells.features[:, self.places(candidate)][inside]
        return train(candidate, values, self.cells.label[inside], monotone=self.config.monotone, seed=self.config.seed)

    def held_out(self, candidate: Candidate) -> Array:
        """Return the logit of each cell by a fit that its block had no part in."""
        values = self.cells.features[:, self.places(candidate)]

        def fit(inside: NDArray[np.bool_]) -> Callable[[NDArray[np.bool_]], Array]:
            scorer = self.scorer(candidate, inside)
            return lambda asked: scorer.logit(values[asked])

        return cross_fitted(fit, np.array([f"{n:03d}" for n in self.fold], np.str_))

    def prior(self, candidate: Candidate, *, curve: Any, training: dict[str, Any]) -> LearntPrior:
        values = self.cells.features[:, self.places(candidate)]
        known = ~np.isnan(values).all(axis=0)
        if not known.all():
            msg = f"features: {candidate.columns[int(np.argmin(known))]} is empty in every row; take it out"
            raise InputError(msg)
        return LearntPrior(
            format=1,
            features=candidate.columns,
            log=self.config.log,
            context=tuple(
                c for c in contexts(self.config.context, self.config.context_km) if c.name in candidate.columns
            ),
            x=self.config.x,
            y=self.config.y,
            crs=self.config.crs,
            scorer=self.scorer(candidate, np.ones(len(values), np.bool_)),
            curve=curve,
            least=tuple(np.nanmin(values, axis=0).tolist()),
            greatest=tuple(np.nanmax(values, axis=0).tolist()),
            training=training,
        )


def _candidates(config: PriorConfig) -> tuple[Candidate, ...]:
    sets = config.sets or (tuple(groups_of(config)),)
    return candidates(config.learners, [columns_of(config, groups) for groups in sets])


def _check_blocks(cells: Table, blocks: NDArray[np.str_], *, config: PriorConfig, path: Path) -> None:
    """Refuse a table on which nothing can be left out."""
    if len(np.unique(blocks)) < 2:
        msg = f"block_km: {path} lies in one block; use smaller blocks, or add ground elsewhere"
        raise ConfigError(msg)
    fold = folds(blocks, most=config.folds)
    for n in np.unique(fold):
        if len(np.unique(cells.label[fold != n])) < 2:
            msg = f"{path}: without one of {config.folds} folds all labels are alike; use smaller blocks or more rows"
            raise InputError(msg)


def _plainest_best(quality: list[float]) -> int:
    """Return the first candidate that none beats by more than `LEAST_GAIN`."""
    return next(n for n, q in enumerate(quality) if q >= max(quality) - LEAST_GAIN)


def _compared(config: PriorConfig, cells: Table, model: Array, baseline: Array) -> dict[str, Any]:
    """Compare on the cells that have a probability."""
    known = np.isfinite(model)
    areas = cells.squares(config.interval_km)[known]
    return compare(
        Forecast(model[known], cells.label[known]),
        Forecast(baseline[known], cells.label[known]),
        blocks=areas,
        seed=config.seed,
    ) | {"cells_without_features": int((~known).sum())}


def _probability(logits: Array) -> Array:
    return np.exp(-np.logaddexp(0, -logits))


def _row(candidate: Candidate, *, auc_pr: float) -> dict[str, Any]:
    return {
        "learner": candidate.learner,
        "strength": ("weak", "middle", "strong")[candidate.strength],
        "columns": len(candidate.columns),
        "first_columns": list(candidate.columns[:3]),
        "auc_pr": auc_pr,
    }
