"""`survey characterise`: measure what a model knows and what it can make out, and store it in the model's folder."""

import hashlib
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from survey.characterise.composites import Stage, Trials, fit_detectability, run_trials
from survey.characterise.config import CharacteriseConfig
from survey.characterise.implants import measure_implants
from survey.characterise.rates import NoveltyRates, Probe, measure_rates
from survey.characterise.reference import Origin, by_site, fit_reference, sign_sites
from survey.characterise.report import in_words, strata, write_plot
from survey.datasets.datalist import CutoutEntry, DataList, GroundEntry, RenderedEntry, SimulatedEntry, load_data_list
from survey.datasets.sources import load_sources
from survey.detect.detectability import Detectability
from survey.detect.implants import ImplantsCard
from survey.detect.load import load_detector
from survey.detect.model import CARD, ModelCard, dump_card, find_model, load_card, load_network
from survey.errors import ModelError
from survey.files import make_folder, write_bytes
from survey.novelty import NoveltyCard, Reference
from survey.novelty.meter import NOVELTY, load_reference, signer_of
from survey.resources import models_folder

REPORT, PLOT = "characterisation.json", "detectability.png"
_EASIER = (
    "composites are easier than real scenes: the curve is an upper bound, for comparing with an open, sharp item of "
    "the same size"
)
_NEW_GROUND = (
    "a site left out of the reference stands for new ground: as often as that is flagged, good imagery of a new site is"
)
_IMPLANTS = "implants are simulated items: their share is no recall, only how it differs between grounds is used"
CAUTIONS = (_EASIER, _NEW_GROUND, _IMPLANTS)

log = logging.getLogger(__name__)


def characterise(config: CharacteriseConfig, *, model: str, data_list: str, data: Path, out: Path) -> str:
    """Measure novelty and detectability of a model, store both in its folder, and return a table of them.

    The reference is written first and `model.yaml`, which names its hash, last: what a killed command leaves
    is refused at its use, and the same command again mends it.

    Args:
        config: Settings.
        model: Model folder, or a released model's name.
        data_list: Data list: a path, or the name of one in the package's `configs`.
        data: Folder that the list's paths lie below.
        out: Folder for the report and the plot.

    Raises:
        ConfigError: The data list does not fit, or holds too little.
        ModelError: There is no such model, or what was written does not read back.
    """
    folder = find_model(model, models=models_folder())
    card = load_card(folder)
    network = load_network(folder, card)
    if config.threads:
        torch.set_num_threads(config.threads)
    listed = load_data_list(data_list).at(card.gsd_m)
    sources = load_sources(listed, data, bank=Path(config.bank) if config.bank else None)
    make_folder(out)
    sites, sign = by_site(sources.pictures), signer_of(network, gsd_m=card.gsd_m)
    log.info("novelty: windows of %s", ", ".join(sites))
    windows = sign_sites(
        sites,
        sign,
        origins={e.site: Origin.SIMULATED for e in listed.entries if isinstance(e, SimulatedEntry)}
        | {e.site: Origin.SCALELESS for e in listed.entries if isinstance(e, GroundEntry) and e.scaleless},
        gsd_m=card.gsd_m,
        max_gsd_m=card.max_gsd_m,
        config=config,
    )
    reference = fit_reference(windows, quantile=config.quantile)
    rates = measure_rates(sites, windows, Probe(sign, reference, card.gsd_m, config.seed))
    log.info("detectability: %d items on ground", config.trials)
    stage = Stage(sources, card=card, seed=config.seed)
    trials = run_trials(network, stage, card=card, count=config.trials)
    curve = fit_detectability(trials, card=card, grounds=stage.grounds, ordnance=_ordnance(listed), seed=config.seed)
    log.info("implants: simulated items on real ground")
    implants = measure_implants(load_detector(folder), sources.pictures, listed=listed)
    stored = store(folder, card, reference=reference, rates=rates, curve=curve, implants=implants)
    report = _report(stored, config, rates=rates, trials=trials, listed=listed)
    write_bytes(out / REPORT, json.dumps(report, indent=2, sort_keys=True, allow_nan=False).encode())
    write_plot(out / PLOT, curve=curve, trials=trials)
    return in_words(report)


def store(
    folder: Path,
    card: ModelCard,
    *,
    reference: Reference,
    rates: NoveltyRates,
    curve: Detectability,
    implants: ImplantsCard | None = None,
) -> ModelCard:
    """Write the reference beside the weights and all sections into `model.yaml`; return the card as it reads back.

    Without `implants` the card has no such section: one of another measurement would not be of this ground.

    Raises:
        ModelError: What was written does not read back.
    """
    content = reference.to_bytes()
    novelty = NoveltyCard(
        file=NOVELTY,
        sha256=hashlib.sha256(content).hexdigest(),
        thresholds=reference.bounds(),
        quantile=reference.quantile,
        windows=reference.windows,
        sites=reference.sites,
        flagged_if_left_out={site: round(rate, 4) for site, rate in rates.left_out.items()},
        flagged_if_altered={kind: round(rate, 4) for kind, rate in rates.pooled().items()},
    )
    whole = card.model_copy(update={"novelty": novelty, "detectability": curve, "implants": implants})
    write_bytes(folder / NOVELTY, content)
    write_bytes(folder / CARD, dump_card(whole))
    again = load_card(folder)
    load_reference(folder, novelty)
    if again != whole:
        msg = f"{folder / CARD}: does not read back as it was written; check the disk and run the command again"
        raise ModelError(msg)
    return again


def _ordnance(listed: DataList) -> tuple[str, ...]:
    """Return the sites that items are drawn from."""
    kinds = (CutoutEntry, SimulatedEntry, RenderedEntry)
    entries = [e for e in listed.entries if isinstance(e, kinds)]
    weights = [e.weight if isinstance(e, CutoutEntry) else e.item_weight for e in entries]
    return tuple(sorted({e.site for e, weight in zip(entries, weights, strict=True) if weight > 0}))


def _report(
    card: ModelCard, config: CharacteriseConfig, *, rates: NoveltyRates, trials: Trials, listed: DataList
) -> dict[str, Any]:
    assert card.novelty is not None
    assert card.detectability is not None
    return {
        "model": {"id": card.id, "weights": card.weights.sha256, "trained_on": list(card.training.sites)},
        "config": config.model_dump(mode="json"),
        "data_list_sha256": hashlib.sha256(
            json.dumps(listed.model_dump(mode="json"), sort_keys=True).encode()
        ).hexdigest(),
        "novelty": card.novelty.model_dump(mode="json") | {"rates": asdict(rates)},
        "detectability": card.detectability.model_dump(mode="json") | {"strata": strata(trials, card.detectability)},
        "implants": card.implants.model_dump(mode="json") if card.implants is not None else None,
        "cautions": list(CAUTIONS),
    }
