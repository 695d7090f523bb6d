"""`survey calibrate-flights`: is the risk right about itself when pictures go in and layers come out?"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.detect.calibration import Calibration as Curve
from survey.detect.model import ModelCard, find_model, load_card, model_sha256
from survey.errors import ConfigError
from survey.export import write_summary
from survey.files import make_folder, write_bytes
from survey.resources import models_folder
from survey.values import Performance
from survey.worlds.flight_scores import RANK_BINS, baselines, calibration_of, compare_flights
from survey.worlds.flights import FlightSettings, Flown, fly
from survey.worlds.measured import measure, posterior
from survey.worlds.run import Calibration

MEASURED, UNCOUNTED, RELEASED = "card of other flights", "same, classes uncounted", "released card"
EARLIER = "same, sites neither"


def calibrate_flights(
    out: Path,
    *,
    flights: int,
    measuring: int,
    settings: FlightSettings,
    tell: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Simulate flights, search them, and score their posterior; an interrupted call goes on.

    The first `measuring` flights give a card: recall and false alarms with their counts, and a calibration. The others
    are judged with it; with it as a card that does not count what sightings were called, so that false alarms are taken
    to divide as items do; with it as a card that does not tell sites apart either; and with the card that the model was
    released with, which is of other ground. The simpler maps are fitted on the measuring flights too.

    Args:
        out: Folder for the flights and the report.
        flights: Flights that are scored.
        measuring: Flights before them.
        settings: What decides the flights.
        tell: Told a line a flight.

    Raises:
        ConfigError: There are too few flights.
        ResumeError: The folder holds flights of other settings.
    """
    if flights < 2 or measuring < 2:
        msg = f"--flights {flights}, --measuring {measuring}: at least 2 of each, or nothing can be drawn over flights"
        raise ConfigError(msg)
    make_folder(out)
    flown = fly(out / "flights", count=measuring + flights, settings=settings, tell=tell)
    first, rest = flown[:measuring], flown[measuring:]
    parts = {"measuring": first, "scored": rest}
    model = find_model(settings.model, models=models_folder())
    card = load_card(model)
    measured, curve = measure(first, classes=card.class_names, max_gsd_m=card.max_gsd_m)
    cards = _cards_of(card, measured, curve)
    rng = np.random.default_rng(settings.seed)
    told = {
        name: posterior(rest, own, settings=settings, classes=card.class_names, calibration=calibration)
        for name, (own, calibration) in cards.items()
    }
    maps = {name: (t.total.p_at_least_one, t.total.expected_items) for name, t in told.items()}
    maps |= baselines(first, rest)
    report: dict[str, Any] = {
        "settings": asdict(settings),
        "model": card.id,
        "flights": {"measuring": measuring, "scored": flights, "flagged_by_novelty": sum(f.flagged for f in flown)},
        "searched_ha": {name: sum(f.searched_ha for f in part) for name, part in parts.items()},
        "items_on_flown_ground": {name: sum(f.on_ground for f in part) for name, part in parts.items()},
        "cards": {name: asdict(cards[name][0]) for name in (MEASURED, RELEASED)},
        "calibration_curve": curve.model_dump(mode="json"),
        "scored_flights": {
            "items": sum(f.on_ground for f in rest),
            "found": int(sum(f.true.sum() for f in rest)),
            "false_alarms": int(sum((~f.true).sum() for f in rest)),
        },
        "layers_differ": layers_differ(rest, maps[RELEASED][0], model=f"{card.id}@{model_sha256(model, card)}"),
        "calibration": {name: calibration_of(t, rest, rng=rng) for name, t in told.items()},
        "scores": compare_flights(maps, rest, base=MEASURED, rng=rng),
    }
    return _written(out, report)


def _cards_of(card: ModelCard, measured: Performance, curve: Curve) -> dict[str, tuple[Performance, Curve]]:
    """Return cards, each with its curve: the measured one, it with less counted, the model's own."""
    uncounted = replace(measured, false_alarms_by_class=None, found_by_class=None)
    return {
        MEASURED: (measured, curve),
        UNCOUNTED: (uncounted, curve),
        EARLIER: (replace(uncounted, site_alarms=(), site_ha=()), curve),
        RELEASED: (card.as_performance(), card.calibration),
    }


def _written(out: Path, report: dict[str, Any]) -> Calibration:
    """Write the report into `out`."""
    text = in_words(report)
    write_summary(out / "flights.json", summary=report)
    write_bytes(out / "flights.txt", text.encode() + b"\n")
    files = ["flights.json", "flights.txt"]
    if find_spec("matplotlib") is not None:
        write_bytes(out / "flights.png", _plot(report))
        files.append("flights.png")
    return Calibration(report, text, tuple(files))


def layers_differ(flown: Sequence[Flown], p_at_least_one: NDArray[np.float64], *, model: str) -> float | None:
    """Return how far the runs' own layers are off, at most; None where none was made with this very model and card.

    Another card with the same weights gives the same sightings, so its flights still count; its risk is another.
    """
    told = np.concatenate([f.told for f in flown])
    same = np.repeat([f.model == model for f in flown], [len(f.told) for f in flown])
    return float(np.abs(told - p_at_least_one)[same].max()) if same.any() else None


def in_words(report: Mapping[str, Any]) -> str:
    """Return the tables that the command line prints."""
    lines = [
        _flights(report),
        _cards(report),
        "",
        f"{'posterior with':<24}{'of':<13}{'items':>7}{'expected':>10}{'rank p':>9}   90 % covers (exact; by flights)",
    ]
    for name, groups in report["calibration"].items():
        for group, c in groups.items():
            exact, drawn = c["interval_exact"], c["interval_by_flights"]
            covers = f"{c['inside']} of {c['hectares']} = {c['coverage_90']:.3f} ({exact[0]:.3f} to {exact[1]:.3f}; "
            covers += f"{drawn[0]:.3f} to {drawn[1]:.3f})"
            numbers = f"{c['items']:>7}{c['expected_items']:>10.1f}{c['rank_p']:>9.2g}"
            lines.append(f"{name:<24}{group:<13}{numbers}   {covers}")
    keys = [key for key in report["scores"][MEASURED] if key != "reliability"]
    lines += ["", f"{'map':<24}" + "".join(f"{key:>25}" for key in keys) + "    ECE"]
    for name, scores in report["scores"].items():
        cells = [f"{scores[k]['value']:.3f} ({scores[k]['low']:.3f}..{scores[k]['high']:.3f})".rjust(25) for k in keys]
        lines.append(f"{name:<24}{''.join(cells)}{scores['reliability']['ece']:>7.3f}")
    lines += ["", "Simulated ground and items: this tests the chain from pictures to layers, not real ground."]
    return "\n".join(lines)


def _flights(report: Mapping[str, Any]) -> str:
    flights, area = report["flights"], report["searched_ha"]
    scored = f"{flights['scored']} simulated flights scored, {area['scored']:.1f} ha searched"
    others = f"card and curves from {flights['measuring']} others, {area['measuring']:.1f} ha"
    prior = report["settings"]["prior_items_per_ha"]
    return f"{scored}; {others}. Model {report['model']}, prior {prior:g} items per hectare."


def _cards(report: Mapping[str, Any]) -> str:
    card, seen = report["cards"][MEASURED], report["scored_flights"]
    low, high = card["false_alarms_interval"]
    alarms = f"{card['false_alarms_per_ha']:.0f} false alarms per hectare ({low:.0f} to {high:.0f})"
    scored = (
        f"{seen['found']} of {seen['items']}, {seen['false_alarms'] / report['searched_ha']['scored']:.0f} per hectare"
    )
    return f"Card: {card['found']} of {card['items']} items found, {alarms}. Scored flights: {scored}."


def _plot(report: Mapping[str, Any]) -> bytes:
    """Return ranks of both cards and the reliability of all maps as PNG."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - an optional extra

    figure = Figure(figsize=(19, 4), layout="constrained")
    axes = figure.subplots(1, len(report["calibration"]) + 1)
    for axis, (name, groups) in zip(axes, report["calibration"].items(), strict=False):
        total = groups["total"]
        counts = np.array(total["rank_counts"]) * RANK_BINS / total["hectares"]
        axis.bar((np.arange(RANK_BINS) + 0.5) / RANK_BINS, counts, 1 / RANK_BINS, color="#1f5fa8", edgecolor="white")
        axis.axhline(1, color="#777777", lw=0.8)
        title = f"{name}: 90 % covers {total['inside']} of {total['hectares']} ha"
        axis.set(title=title, xlabel="rank of the true number of items", ylabel="density")
        axis.title.set_fontsize(10)
    for name, scores in report["scores"].items():
        bins = scores["reliability"]["bins"]
        told, true = [b["told"] for b in bins], [b["true"] / b["of"] for b in bins]
        axes[-1].plot(told, true, marker=".", lw=1, label=name)
    axes[-1].plot([0, 1], [0, 1], color="#777777", lw=0.8, ls=":")
    axes[-1].set(xlabel="P(at least one) told", ylabel="share that is true", xlim=(0, 1), ylim=(0, 1))
    axes[-1].legend(fontsize=7)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()
