"""`survey calibrate-flights`: is the risk right about itself when pictures go in and layers come out?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.detect.model import find_model, load_card, model_sha256
from survey.errors import ConfigError
from survey.files import make_folder
from survey.implant import Tally
from survey.resources import models_folder
from survey.risk import ratio_of
from survey.worlds.believed import LAID_OVER, MEASURED, RELEASED, Believed, cards_of
from survey.worlds.flight_report import in_words, plot
from survey.worlds.flight_scores import baselines, calibration_of, compare_flights
from survey.worlds.flights import FlightSettings, fly
from survey.worlds.flown import Flown
from survey.worlds.measured import measure
from survey.worlds.written import Calibration, write_calibration


def calibrate_flights(
    out: Path,
    *,
    flights: int,
    measuring: int,
    settings: FlightSettings,
    tell: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Simulate flights, search them, lay items on them, and score their posterior; an interrupted call goes on.

    The first `measuring` flights give a card: recall and false alarms with their counts, and a calibration. The others
    are judged with it; with it as a card that does not count what sightings were called, so that false alarms are taken
    to divide as items do; with it as a card that does not tell sites apart either; and with the card that the model was
    released with, which is of other ground. Both cards are judged once more with recall carried to each flight by its
    own laid items, as `survey run` does. The simpler maps are fitted on the measuring flights too.

    Args:
        out: Folder for the flights and the report.
        flights: Flights that are scored.
        measuring: Flights before them.
        settings: What decides the flights.
        tell: Told a line a flight.

    Raises:
        ConfigError: There are too few flights.
        ResumeError: The folder holds flights of other settings, or one of a picture that this version does not draw.
    """
    if flights < 2 or measuring < 2:
        msg = f"--flights {flights}, --measuring {measuring}: at least 2 of each, or nothing can be drawn over flights"
        raise ConfigError(msg)
    make_folder(out)
    flown = fly(out / "flights", count=measuring + flights, settings=settings, tell=tell)
    first, rest = flown[:measuring], flown[measuring:]
    model = find_model(settings.model, models=models_folder())
    card = load_card(model)
    measured, curve = measure(first, classes=card.class_names, max_gsd_m=card.max_gsd_m)
    cards = cards_of(card, measured, curve)
    told = {name: own.posterior(rest, settings=settings, classes=card.class_names) for name, own in cards.items()}
    maps = {name: (t.total.p_at_least_one, t.total.expected_items) for name, t in told.items()}

    def rng() -> np.random.Generator:
        """Return the same draws for every row, so that rows differ by the posterior alone."""
        return np.random.default_rng(settings.seed)

    report: dict[str, Any] = {
        "settings": asdict(settings),
        "model": card.id,
        **_facts({"measuring": first, "scored": rest}),
        "cards": {name: asdict(cards[name].performance) for name in (MEASURED, RELEASED)},
        "calibration_curve": curve.model_dump(mode="json"),
        "layers_differ": layers_differ(rest, maps[RELEASED][0], model=f"{card.id}@{model_sha256(model, card)}"),
        "implants": _implants(cards, first, rest),
        "calibration": {name: calibration_of(t, rest, rng=rng()) for name, t in told.items()},
        "scores": compare_flights(maps | baselines(first, rest), rest, base=MEASURED, rng=rng()),
        "scores_of_laid": {
            laid: compare_flights({n: maps[n] for n in (laid, plain)}, rest, base=plain, rng=rng())[laid]
            for laid, plain in LAID_OVER.items()
        },
    }
    return write_calibration(out, "flights", report=report, text=in_words(report), plot=plot)


def _facts(parts: Mapping[str, Sequence[Flown]]) -> dict[str, Any]:
    """Return what was flown and found, by what flights are for."""
    scored = parts["scored"]
    flagged = sum(f.flagged for part in parts.values() for f in part)
    return {
        "flights": {**{name: len(part) for name, part in parts.items()}, "flagged_by_novelty": flagged},
        "searched_ha": {name: sum(f.searched_ha for f in part) for name, part in parts.items()},
        "items_on_flown_ground": {name: sum(f.on_ground for f in part) for name, part in parts.items()},
        "scored_flights": {
            "items": sum(f.on_ground for f in scored),
            "found": int(sum(f.true.sum() for f in scored)),
            "false_alarms": int(sum((~f.true).sum() for f in scored)),
        },
    }


def _implants(cards: Mapping[str, Believed], first: Sequence[Flown], rest: Sequence[Flown]) -> dict[str, Any]:
    """Return what was found of laid items, and what each card makes of it on the scored flights."""
    out: dict[str, Any] = {
        name: asdict(sum((f.implants for f in part), Tally()))
        for name, part in (("measuring", first), ("scored", rest))
    }
    out["scored_by_flight"] = [asdict(f.implants) for f in rest]
    out["cards"] = {}
    for laid, plain in LAID_OVER.items():
        own = cards[laid]
        ratios = [ratio_of(own.on(f)) for f in rest]
        out["cards"][plain] = {
            "reference": {
                "laid": own.performance.implants_laid_reference,
                "found": own.performance.implants_found_reference,
            },
            "ratio_by_flight": [None if ratio is None else ratio.mean for ratio in ratios],
            "without": cards[plain].claims(rest),
            "with": own.claims(rest),
        }
    return out


def layers_differ(flown: Sequence[Flown], p_at_least_one: NDArray[np.float64], *, model: str) -> float | None:
    """Return how far the runs' own layers are off, at most; None where none was made with this very model and card.

    Another card with the same weights gives the same sightings, so its flights still count; its risk is another.
    """
    told = np.concatenate([f.told for f in flown])
    same = np.repeat([f.model == model for f in flown], [len(f.told) for f in flown])
    return float(np.abs(told - p_at_least_one)[same].max()) if same.any() else None
