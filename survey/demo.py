"""The demo: a simulated flight with known truth, searched, and an honest count of what was found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
from numpy.typing import NDArray

from survey.export import write_summary
from survey.files import make_folder
from survey.matching import match
from survey.pipeline import RunResult, run
from survey.progress import Progress
from survey.simulate import SimulatedFlight, TrueItems, simulate_flight

SEED = 7
"""Of the flight; training draws its simulated ground from other seeds."""
MATCH_M = 0.3
"""A sighting finds an item when it is this close, or half the item's size if that is more."""
LEAST_VISIBLE = 0.35
"""Items of which less shows are counted apart: training does not ask for them either."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """A demo's outcome."""

    run: RunResult
    score: dict[str, Any]
    """Counts against the truth, as in `demo.json`."""
    text: str
    """The same in a few lines for people."""

    @property
    def exit_code(self) -> int:
        """The run's exit status."""
        return self.run.exit_code


def run_demo(
    out: str | Path, *, area_ha: float = 4.2, seed: int = SEED, progress: Progress | None = None
) -> DemoResult:
    """Simulate a flight into `out/flight`, search it into `out/run`, and compare with the truth.

    Args:
        out: Folder; a demo in it is repeated.
        area_ha: Flown area of the flight.
        seed: Of the flight.
        progress: Told what happens.

    Raises:
        SurveyError: As `survey.pipeline.run`.
    """
    folder = make_folder(Path(out))
    flight = simulate_flight(folder / "flight", seed=seed, area_ha=area_ha)
    result = run([flight.image], folder / "run", progress=progress)
    score = score_against_truth(result, flight)
    write_summary(folder / "demo.json", summary=score)
    return DemoResult(result, score, _in_words(score, folder))


def score_against_truth(result: RunResult, flight: SimulatedFlight) -> dict[str, Any]:
    """Count found and missed items and false alarms of a run over a simulated flight."""
    table = pyogrio.read_dataframe(result.products["detections.gpkg"], layer="detections")
    table = table.sort_values(["score", "detection_id"], ascending=[False, True])
    places = np.column_stack([table.geometry.x, table.geometry.y])
    truth = flight.items
    reach = np.maximum(MATCH_M, truth.size_m.astype(np.float64) / 2)
    item, distance = match(places, np.column_stack([truth.x, truth.y]), reach=reach)
    found = np.zeros(len(truth), bool)
    found[item[item >= 0]] = True
    visible = truth.visible >= LEAST_VISIBLE
    searched_ha = result.summary["area_ha"]["searched"]
    false_alarms = int(np.count_nonzero(item < 0))
    named = [name == truth.class_names[i] for name, i in zip(table["class"], item, strict=True) if i >= 0]
    return {
        "flown_ha": flight.area_ha,
        "searched_ha": searched_ha,
        "items": len(truth),
        "found": int(found.sum()),
        "missed": int((~found).sum()),
        "visible_items": int(visible.sum()),
        "visible_found": int((found & visible).sum()),
        "class_right": int(sum(named)),
        "false_alarms": false_alarms,
        "false_alarms_per_ha": false_alarms / searched_ha if searched_ha else None,
        "position_error_m": float(np.sqrt(np.nanmean(distance**2))) if found.any() else None,
        "by_class": _by_class(truth, found),
        "caution": (
            "Simulated ground and items, drawn by the program that also drew part of the training pictures: "
            "this shows that the software works, not how well the model does on real ground. See its MODEL_CARD.md."
        ),
    }


def _by_class(truth: TrueItems, found: NDArray[np.bool_]) -> dict[str, dict[str, int]]:
    names = np.array(truth.class_names)
    return {
        str(name): {"items": int((names == name).sum()), "found": int(found[names == name].sum())}
        for name in np.unique(names)
    }


def _in_words(score: dict[str, Any], folder: Path) -> str:
    """Return the score as a short text."""
    by_class = ", ".join(f"{name} {n['found']} of {n['items']}" for name, n in score["by_class"].items())
    rate = score["false_alarms_per_ha"]
    return "\n".join(
        [
            f"Simulated flight of {score['flown_ha']:.2f} ha, searched {score['searched_ha']:.2f} ha.",
            f"Found {score['found']} of {score['items']} items, missed {score['missed']} ({by_class}).",
            f"Of {score['visible_items']} that show {LEAST_VISIBLE:.0%} or more, found {score['visible_found']}.",
            f"False alarms: {score['false_alarms']}" + (f", {rate:.1f} per hectare." if rate is not None else "."),
            score["caution"],
            f"Layers: {folder / 'run' / 'products'}",
        ]
    )
