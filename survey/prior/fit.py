"""`survey prior fit`: choose, calibrate and fit on blocks left out; measure against a plain baseline."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.errors import ConfigError, InputError
from survey.evaluate.fitting import choose_curve, left_out, log_loss
from survey.files import make_folder, sha256_of, write_bytes
from survey.prior.bench import Bench, fold_of
from survey.prior.carry import carrying
from survey.prior.config import PriorConfig
from survey.prior.history import HISTORY
from survey.prior.learners import Candidate, candidates
from survey.prior.measures import Forecast, auc_pr, compare
from survey.prior.model import MODEL, dump_prior
from survey.prior.report import REPORT, in_words
from survey.prior.table import Table, check_columns, columns_of, groups_of, read_table

Array = NDArray[np.float64]

LEAST_GAIN = 0.005
"""AUC-PR by which a later candidate must be better: of some dozen alike ones the plainest is to win."""
BASELINE_STRENGTH = 0
"""The baseline is hardly regularised: it has few columns."""
CAUTION = (
    "A low probability is no evidence of absence: it says what ground like this was in the table, by the labels in it. "
    "On left-out blocks each fold is judged by the candidate that the other folds chose."
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
    others = read_table(test, config=config, known=cells.places[cells.label]) if test is not None else None
    if test is not None and others is not None:
        _check_apart(cells, others, path=test)
    blocks = cells.blocks(config.block_km)
    bench = Bench(config, cells, fold_of(cells, blocks, config))
    _check_folds(cells, bench.fold, config=config, path=table)
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
        "rows_at_one_place": cells.repeated,
        "features": _features(config, cells, blocks, others),
        "caution": CAUTION,
    }
    model_held = left_out(
        calibration.curve.kind, chosen_elsewhere(scored, cells.label, bench.fold), cells.label, blocks
    )
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
        report["test"]["rows_at_one_place"] = others.repeated
        outside, unknown = prior.strange(values)
        report["test"]["cells_outside_training"] = int((outside + unknown > 0).sum())
    make_folder(out)
    write_bytes(out / REPORT, json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False).encode())
    write_bytes(out / MODEL, dump_prior(prior))
    return in_words(report)


def _candidates(config: PriorConfig) -> tuple[Candidate, ...]:
    sets = config.sets or (tuple(groups_of(config)),)
    return candidates(config.learners, [columns_of(config, groups) for groups in sets])


def _check_folds(cells: Table, fold: NDArray[np.intp], *, config: PriorConfig, path: Path) -> None:
    """Refuse a table on which nothing can be left out."""
    if len(np.unique(fold)) < 2:
        msg = f"block_km: {path} lies in one block; use smaller blocks, or add ground elsewhere"
        raise ConfigError(msg)
    if (
        config.history and len(np.unique(fold)) < 3
    ):  # a cell of the training measures to a training fold that is not its own
        msg = f"history: needs at least 3 folds, and {path} gives 2; set folds, or use smaller blocks"
        raise ConfigError(msg)
    for n in np.unique(fold):
        if len(np.unique(cells.label[fold != n])) < 2:
            msg = f"{path}: without one of {fold.max() + 1} folds all labels are alike; use smaller blocks or more rows"
            raise InputError(msg)


def _check_apart(cells: Table, others: Table, *, path: Path) -> None:
    """Refuse a test on cells of the training, whose labels the model has seen."""
    seen = {(x, y) for x, y in cells.places.tolist()}
    if count := sum((x, y) in seen for x, y in others.places.tolist()):
        msg = f"{path}: {count} of its cells are in the training table; test on others"
        raise InputError(msg)


def _features(
    config: PriorConfig, cells: Table, blocks: NDArray[np.str_], others: Table | None
) -> list[dict[str, Any]]:
    """Judge all features but the one that depends on what is left out."""
    names = columns_of(config)
    own = [k for k, name in enumerate(names) if name != HISTORY]
    elsewhere = others.features[:, own] if others is not None else None
    return carrying([names[k] for k in own], cells.features[:, own], cells.label, blocks, elsewhere=elsewhere)


def chosen_elsewhere(
    scored: Sequence[tuple[Candidate, Array]], label: NDArray[np.bool_], fold: NDArray[np.intp]
) -> Array:
    """Return each cell's held-out logit by the candidate that is best on the other folds.

    A cell's own label has no part in the choice then, which would flatter the figures of left-out blocks.

    Args:
        scored: Candidates, plainest first, each with its (N,) held-out logits.
        label: (N,).
        fold: (N,).
    """
    chosen = np.empty(len(fold))
    for n in np.unique(fold):
        other = fold != n
        best = _plainest_best([auc_pr(logits[other], label[other]) for _, logits in scored])
        chosen[~other] = scored[best][1][~other]
    return chosen


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
