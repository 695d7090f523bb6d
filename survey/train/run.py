"""One training run from settings to a model folder."""

import json
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from survey.datasets.datalist import DataList, FrameEntry, GroundEntry, OrthomosaicEntry, ReviewEntry, load_data_list
from survey.datasets.frames import unused_labels
from survey.datasets.sources import Sources, load_frames, load_grounds, load_orthomosaics, load_sources
from survey.detect.load import load_detector
from survey.errors import ConfigError
from survey.evaluate import evaluate
from survey.files import make_folder, write_bytes
from survey.train.config import TrainConfig
from survey.train.distributed import join_world
from survey.train.identity import Identity, used_files
from survey.train.loop import Trainer, recipe_of
from survey.train.release import OPERATING_SCORE, Learnt, make_card, write_model
from survey.train.second_look import fit_second_look, kept_or_fitted
from survey.train.start import open_start

log = logging.getLogger(__name__)


def train(
    config: TrainConfig,
    *,
    data: Path,
    out: Path,
    model_id: str,
    evaluation: Path | None = None,
    reviews: Sequence[ReviewEntry] = (),
) -> Path:
    """Train a model, score it on the held-out sites and write a model folder.

    Args:
        config: The run's settings.
        data: Folder that the data list's paths lie below.
        out: Folder for the checkpoint, `evaluation.json` and `model/`; a run found there goes on.
        model_id: Name that the model goes by.
        evaluation: `evaluation.json` of a run of the same settings that held more sites out. A model trained
            on every site with labelled frames has none left to score it on, so its card carries that run's figures.
        reviews: Reviewed runs to learn from beside what the data list names.

    Returns:
        The model folder, `out/model`.

    Raises:
        ConfigError: The data list, the sites held out or the evaluation do not fit.
        ResumeError: `out` holds a run with other settings.
        TrainingError: The loss is not finite, or the held-out frames hold no item.
    """
    make_folder(out)
    whole = load_data_list(config.data_list).at(config.gsd_m).with_entries(tuple(reviews))
    used = whole.without(config.hold_out, split_within_site=config.split_within_site)
    held_out, note = _read_evaluation(evaluation, hold_out=config.hold_out)
    if held_out is None:
        _check_hold_out(whole, config.hold_out)
    for words in unused_labels((used if held_out is not None else whole).entries, data):
        log.warning("%s", words)
    bank = Path(config.bank) if config.bank else None
    start = open_start(config)
    files = used_files(used, data, bank=bank) | start.files
    with join_world() as world:
        identity = Identity.of(config, used, files)
        trainer = Trainer(config, identity, folder=out, world=world, start=start.state)
        if trainer.resume():
            log.info("going on from step %d", trainer.step)
        sources = load_sources(used, data, bank=bank)
        network = trainer.run(sources)
    if not world.leads:
        return out / "model"  # the leading process writes it
    reviewed = {
        name: sha256 for name, sha256 in files.items() if name.startswith("review/") and name.endswith("/decisions")
    }
    learnt = Learnt(_reviewed_classes(sources), reviewed | start.files, start.card)
    network.second_look = start.second_look
    if config.second_look and network.second_look is None:
        fit = partial(fit_second_look, network, sources, config, recipe_of(config))
        network.second_look = kept_or_fitted(out, identity.key_of_fit(config), config=config, fit=fit)
    del sources
    card = make_card(model_id, config=config, data=used, measured=held_out, measured_on=note, learnt=learnt)
    write_model(network, out / "model", card=card)
    if config.hold_out and held_out is None:
        measured = _score(out / "model", whole, config, data)
        measured["note"] = note = f"held-out sites {', '.join(config.hold_out)}, run with seed {config.seed}"
        write_bytes(out / "evaluation.json", json.dumps(measured, indent=2, sort_keys=True).encode())
        card = make_card(model_id, config=config, data=used, measured=measured, measured_on=note, learnt=learnt)
        write_model(network, out / "model", card=card)
    return out / "model"


def _reviewed_classes(sources: Sources) -> dict[str, tuple[str, ...]]:
    """Return the classes that reviews taught, by site."""
    taught: dict[str, set[str]] = {}
    for picture in sources.pictures:
        if picture.judged is not None:
            taught.setdefault(picture.site, set()).update(name for name in picture.items.classes if name)
    return {site: tuple(sorted(names)) for site, names in taught.items()}


def _check_hold_out(whole: DataList, hold_out: tuple[str, ...]) -> None:
    """Refuse before the training, not after it, to hold out sites on which no recall can be measured."""
    if hold_out and not any(isinstance(e, FrameEntry | OrthomosaicEntry) for e in whole.held_out(hold_out)):
        msg = f"hold_out: the sites {', '.join(hold_out)} have no labelled frames; hold out one that has"
        raise ConfigError(msg)


def _score(model: Path, whole: DataList, config: TrainConfig, data: Path) -> dict[str, Any]:
    """Score a model on the held-out sites of its data list."""
    pictures = []
    for entry in whole.held_out(config.hold_out):
        match entry:
            case GroundEntry():
                pictures.extend(load_grounds(entry, data))
            case FrameEntry():
                pictures.extend(load_frames(entry, data))
            case OrthomosaicEntry():  # without overlap, so that nothing counts twice
                pictures.extend(load_orthomosaics(entry, data, overlap_px=0))
            case _:
                pass
    return evaluate(load_detector(model), pictures, least_score=OPERATING_SCORE)


def _read_evaluation(path: Path | None, *, hold_out: tuple[str, ...]) -> tuple[dict[str, Any] | None, str]:
    if path is None:
        return None, "nothing"
    if not path.is_file():
        msg = f"{path}: no such evaluation; train with hold_out first, it writes one"
        raise ConfigError(msg)
    measured: dict[str, Any] = json.loads(path.read_text())
    learnt = sorted(set(measured["by_site"]) - set(hold_out))
    return measured, f"{measured['note']}; this model was trained on {', '.join(learnt) or 'none of them'} too"
