"""The report of a learnt prior in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from survey.prior.carry import PLACE

REPORT = "report.json"
_NAMES = {"auc_pr": "AUC-PR", "auc_roc": "AUC-ROC", "brier": "Brier", "ece": "ECE"}


def in_words(report: Mapping[str, Any]) -> str:
    """Return what was chosen and the tables of measures."""
    chosen = report["chosen"]
    lines = [
        (
            f"chosen: {chosen['learner']}, {chosen['strength']} regularisation, {chosen['columns']} columns, "
            f"{chosen['calibration']} calibration; of {len(report['candidates'])} candidates "
            f"on {report['blocks']} blocks in {report['folds']} folds"
        ),
        *_places(report["features"]),
        *_rows(report),
        *_table("left-out blocks of the training table", report["left_out_blocks"]),
    ]
    if "test" in report:
        lines += _table("test table, scored once", report["test"])
        lines += _rows(report["test"])
        strange = report["test"]["cells_outside_training"]
        lines.append(f"  {strange} of its cells have a feature that is unknown or beyond training")
    return "\n".join([*lines, report["caution"]])


def _rows(report: Mapping[str, Any]) -> list[str]:
    """Tell of rows that were not learnt from, or count more than once."""
    lost, twice = report["rows_without_label_or_place"], report["rows_at_one_place"]
    lines = [f"  {lost} rows without a label, a place or a block left out"] if lost else []
    return lines + ([f"  {twice} cells lie at the very place of another row; they count each"] if twice else [])


def _places(features: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name the columns that a model would rather know the place by."""
    named = [f["column"] for f in features if f["within"] is not None and f["within"] < PLACE]
    if not named:
        return []
    rest = f" and {len(named) - 3} more" if len(named) > 3 else ""
    return [f"columns with one value a block, which rather name the place: {'; '.join(named[:3])}{rest}"]


def _table(title: str, figures: Mapping[str, Any]) -> list[str]:
    lines = [
        (
            f"{title}: {figures['contaminated']} of {figures['cells']} cells contaminated "
            f"({figures['prevalence']:.1%}); intervals: {figures['interval']}"
        ),
        f"  {'':8} {'model':24} baseline",
    ]
    for key, name in _NAMES.items():
        lines.append(f"  {name:8} {_rate(figures['model'][key]):24} {_rate(figures['baseline'][key])}")
    lines.append(f"  AUC-PR of the model by that of the baseline: {_rate(figures['auc_pr_ratio'])}")
    return lines


def _rate(rate: Mapping[str, Any]) -> str:
    if rate["value"] is None:
        return "not defined"
    ends = rate["interval"]
    return f"{rate['value']:.3f}" + (f" ({ends[0]:.3f} to {ends[1]:.3f})" if ends else "")
