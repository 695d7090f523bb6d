"""`survey evaluate`: search labelled ground, match, and write down how well that went."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from survey.config import RunConfig, load_config
from survey.detect import Detector, ModelCard, load_detector
from survey.errors import ConfigError
from survey.evaluate.chips import misses, worst_alarms, write_sheet
from survey.evaluate.plots import MISSING, write_plots
from survey.evaluate.report import evaluation
from survey.evaluate.source import UNNAMED, Measured, Options, measure, sites_of
from survey.evaluate.words import in_words
from survey.files import make_folder, write_bytes
from survey.progress import Progress, SilentProgress

REPORT, ALARMS, MISSES = "evaluation.json", "false-alarms.png", "misses.png"
CAUTION = (
    "what was not found here may be there elsewhere; these figures hold for ground and items like those measured on"
)
UNKNOWN = (
    "recall is unknown: no labelled item lies on the ground that was looked at, so false alarms alone were counted; to "
    "learn what is found, measure where items are labelled"
)


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """What an evaluation left behind."""

    out: Path
    report: dict[str, Any]
    """As in `evaluation.json`."""
    text: str
    """The same in a few lines for people."""


def run_evaluation(
    options: Options,
    *,
    model: str,
    out: Path,
    score: float | None = None,
    allow_trained_sites: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> EvaluationResult:
    """Measure a model and write `evaluation.json`, plots, and sheets of false alarms and misses into `out`.

    Args:
        options: What to measure on.
        model: Released model or model folder.
        out: Folder for the results; an evaluation in it is replaced.
        score: Operating point; the model's own if None.
        allow_trained_sites: Sites to measure on although the model was trained on them.
        progress: Told how a run over orthomosaics goes.

    Raises:
        ConfigError: The options do not fit, or the model was trained on a site that was not allowed by name.
        InputError: Pictures or labels cannot be used.
        ModelError: There is no such model.
    """
    sites = sites_of(options)
    # Recall is measured on all that was looked at: an item that cover hides is a miss, not ground to be left out.
    config = load_config(RunConfig, overrides=["cover=ignore", "implants=0", *options.overrides]).model_copy(
        update={"model": model}
    )
    detector = load_detector(
        model, runtime=config.runtime, precision=config.precision, threads=config.threads, core_px=config.core_px
    )
    training = check_sites(detector.card, sites, allowed=allow_trained_sites)
    least = detector.card.thresholds.score if score is None else score
    if not 0 < least < 1:
        msg = f"--score: a score lies between 0 and 1, got {least}"
        raise ConfigError(msg)
    make_folder(out)
    measured = measure(options, detector, config=config, out=out, progress=progress or SilentProgress())
    report = evaluation(measured.scores, least_score=least)
    report |= _told(options, detector, sites=sites, training=training) | measured.facts
    report["plots"] = write_plots(out, scores=measured.scores, report=report) or MISSING
    report["chips"] = _write_chips(out, measured, least_score=least)
    report["cautions"] = _cautions(report, training)
    write_bytes(out / REPORT, json.dumps(report, indent=2, sort_keys=True, allow_nan=False).encode())
    return EvaluationResult(out, report, in_words(report))


def check_sites(card: ModelCard, sites: tuple[str, ...], *, allowed: tuple[str, ...]) -> dict[str, Any]:
    """Return what is known of the model's training and the sites to measure on.

    A part of a site that was trained on is that site: its other flights share soil, light and items.

    Raises:
        ConfigError: The model was trained on one that is not among `allowed`.
    """
    seen = seen_in_training(card, sites)
    if refused := sorted(set(seen) - set(allowed)):
        names = ", ".join(refused)
        msg = (
            f"model {card.id} was trained on {names}, so what it finds there says nothing about new ground; "
            f"choose other sites with --site, or name it: --allow-trained-sites {refused[0]}"
        )
        raise ConfigError(msg)
    return {"trained_on": list(card.training.sites), "held_out": list(card.training.held_out), "seen": seen}


def seen_in_training(card: ModelCard, sites: Sequence[str]) -> list[str]:
    """Return the sites of which training saw at least a part, in the order given."""
    return [site for site in sites if site in card.training.sites]


def _told(
    options: Options, detector: Detector, *, sites: tuple[str, ...], training: Mapping[str, Any]
) -> dict[str, Any]:
    given = {name: getattr(options, name) for name in options.__slots__}
    flattered = f"; it was trained on {', '.join(training['seen'])}" if training["seen"] else ""
    return {
        "model": {"id": detector.card.id, "sha256": detector.sha256, "runtime": detector.runtime.name},
        "training": dict(training),
        "measured_on": {name: _plain(value) for name, value in given.items() if value not in (None, ())},
        "note": f"sites {', '.join(sites)}, model {detector.card.id}{flattered}",
    }


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value


def _write_chips(out: Path, measured: Measured, *, least_score: float) -> dict[str, int]:
    alarms, missed = worst_alarms(measured.scores), misses(measured.scores, least_score=least_score)
    return {
        ALARMS: write_sheet(out / ALARMS, alarms, look=measured.look),
        MISSES: write_sheet(out / MISSES, missed, look=measured.look),
    }


def _cautions(report: Mapping[str, Any], training: Mapping[str, Any]) -> list[str]:
    cautions = [CAUTION]
    if not report["items"]:
        cautions.append(UNKNOWN)
    if training["seen"]:
        cautions.append(f"the model was trained on {', '.join(training['seen'])}: these figures flatter it")
    if UNNAMED in report["by_site"]:
        cautions.append("nobody named the site, so it could not be compared with those of the training; give --site")
    if "scores_down_to" in report and (report["scores_down_to"] or 0) > 0.1:
        cautions.append(f"sightings below score {report['scores_down_to']:.2f} were not kept: curves end there")
    if aside := report.get("truth", {}).get("set_aside"):
        reasons = ", ".join(f"{number} {why}" for why, number in aside.items())
        text = f"{sum(aside.values())} of {report['truth']['rows']} rows of the truth were left out: {reasons}"
        cautions.append(f"{text}; a sighting of such an item counts as a false alarm, so mend them and measure again")
    if outside := report.get("truth", {}).get("not_searched"):
        text = f"{outside} of {report['truth']['items']} items lie on ground that was not searched and were left out"
        if outside == report["truth"]["items"]:
            text += "; if they are of this ground, the CRS of --truth is wrong: assign the one it was made in"
        cautions.append(text)
    cautions += [
        f"{text}; correct the glob or the names if they should be" for text in report.get("labels_not_used", ())
    ]
    if mapped := report.get("orthomosaics_not_measured"):
        text = f"orthomosaics of {', '.join(mapped)} are in the data list and were not measured on"
        cautions.append(f"{text}; measure on them with --images and --truth")
    if isinstance(report["plots"], str):
        cautions.append(report["plots"])
    return cautions
