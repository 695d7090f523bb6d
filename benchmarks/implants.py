"""Do simulated items laid on a flight tell how the model's recall differs between grounds?

`flights`: on simulated flights with known truth, the share of laid items that is found beside the share of the flight's
own items, with the model as it is and without the bound on ground full of things (`usual_tail`), and what share the run
claims (its recall is lowered by the ratio if the model's card has implants). `grounds`: on real grounds, beside the
share of real cut-outs found on composites. Intervals are Clopper-Pearson's, of the items.
"""

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
import yaml
from composites import Flight
from scipy.stats import beta
from shapely import Point, Polygon

from survey import load_detector
from survey.characterise.implants import count_on_site
from survey.config import RunConfig, load_config
from survey.datasets.datalist import CutoutEntry, DataList, FrameEntry, GroundEntry, load_data_list
from survey.datasets.sources import Picture, load_sources
from survey.demo import score_against_truth
from survey.detect.model import CARD, find_model
from survey.evaluate import probing, score_pictures
from survey.implant import KINDS
from survey.pipeline import run
from survey.resources import models_folder
from survey.simulate import PlacedItem, drawn_hidden, simulate_flight
from survey.simulate.scene import Taken

ITEMS = 90
"""Laid on a simulated flight, at least 2 m apart."""
CUTOUTS = ("ordata", "misc-cutouts")
"""Sites whose cut-outs are laid; those of pom-drone are of the items that its own pictures show."""
PLOT_M = 2.5
"""Edge of the squares that cut-outs are laid on, one each as a mean: the smallest pictures are hardly larger."""


def share(found: int, of: int) -> str:
    """Return a count with its 95 % interval."""
    low = float(beta.ppf(0.025, found, of - found + 1)) if found else 0.0
    high = float(beta.ppf(0.975, found + 1, of - found)) if found < of else 1.0
    return f"{found} of {of} = {found / max(of, 1):.2f} [{low:.2f}, {high:.2f}]"


def scattered(seed: int, outline: Polygon, taken: Taken) -> list[PlacedItem]:
    """Return items of all kinds, anywhere on a flight, hidden as flights hide theirs."""
    rng, inner = np.random.default_rng([seed, 9]), outline.buffer(-1)
    places = list(taken)
    west, north, east, south = inner.bounds
    items: list[PlacedItem] = []
    for _ in range(100 * ITEMS):
        if len(items) == ITEMS:
            break
        y, x = float(rng.uniform(north, south)), float(rng.uniform(west, east))
        if inner.contains(Point(x, y)) and all(np.hypot(y - v, x - u) > r + 1 for v, u, r in places):
            items.append(PlacedItem(KINDS[len(items) % len(KINDS)], y, x, drawn_hidden(rng)))
            places.append((y, x, 1.0))
    return items


def flights(model: str, out: Path, *, seeds: Sequence[int], area_ha: float, gsd_m: float) -> None:
    """Print what was found of laid items and of the flights' own, flight by flight."""
    plain = _without_tail(model, out / "without-usual-tail")
    totals = {name: np.zeros(4, int) for name in ("as released", "no usual_tail")}
    for seed in seeds:
        flight = simulate_flight(
            out / f"flight-{seed}", seed=seed, area_ha=area_ha, gsd_m=gsd_m, lay=lambda o, t, s=seed: scattered(s, o, t)
        )
        for name, folder in zip(totals, (model, str(plain)), strict=True):
            keys = [f"model={folder}", "threads=1", "core_px=2048", "novelty=warn"]
            config = load_config(RunConfig, None, overrides=keys)
            result = run([flight.image], out / f"run-{seed}-{name.replace(' ', '-')}", config=config)
            told, laid = score_against_truth(result, flight), result.summary["implants"]
            counts = [laid["found"], laid["laid"], told["found"], told["items"]]
            totals[name] += counts
            alarms = f"{told['false_alarms_per_ha']:.0f} false alarms per ha, {laid['set_aside']} set aside"
            claims = f"the run claims {_claimed(result.products['risk.tif']):.2f}"
            print(f"seed {seed}, {name}: {_beside(counts)}; {claims}; {alarms}", flush=True)
        flight.image.unlink()
    for name, total in totals.items():
        print(f"all, {name}: {_beside(total.tolist())}", flush=True)


def _beside(counts: Sequence[int]) -> str:
    return f"laid {share(*counts[:2])}; own {share(*counts[2:])}"


def _claimed(path: Path) -> float:
    """Return the share of items that a run claims to have found on what it searched: recall, and what hides items."""
    with rasterio.open(path) as dataset:
        bands = dict(zip(dataset.descriptions, dataset.read(masked=True), strict=True))
    return float(bands["effective_search"].sum() / bands["searched_fraction"].sum())


def _without_tail(model: str, folder: Path) -> Path:
    """Return a copy of a model whose distance to the ground counts in full everywhere."""
    source = find_model(model, models=models_folder())
    shutil.copytree(source, folder, dirs_exist_ok=True)
    card = yaml.safe_load((folder / CARD).read_text())
    card["contrast"]["usual_tail"] = None
    (folder / CARD).write_text(yaml.safe_dump(card, sort_keys=False))
    return folder


def grounds(model: str, data: Path, listed: DataList, *, items: int, most_ha: float, seed: int) -> None:
    """Print what was found of laid items and of real cut-outs, ground by ground."""
    detector = load_detector(model)
    cutouts = [e for e in listed.entries if isinstance(e, CutoutEntry) and e.site in CUTOUTS]
    for entry in listed.entries:
        if not isinstance(entry, GroundEntry | FrameEntry) or getattr(entry, "scaleless", False):
            continue
        sources = load_sources(listed.model_copy(update={"entries": (entry, *cutouts)}), data)
        some = _up_to(sources.pictures, most_ha)
        tally = count_on_site(detector, some, items=items)
        scores = score_pictures(probing(detector), Flight(replace(sources, pictures=some), seed, PLOT_M).pictures())
        best = np.full(len(scores.items.x), -np.inf)
        best[scores.sightings.item[scores.sightings.true]] = scores.sightings.score[scores.sightings.true]
        hits = int((best >= detector.card.thresholds.score).sum())
        laid, real = share(tally.found, tally.laid), share(hits, len(best))
        print(f"{entry.site}: laid {laid}; cut-outs {real}; {tally.set_aside} set aside", flush=True)


def _up_to(pictures: Sequence[Picture], most_ha: float) -> tuple[Picture, ...]:
    """Return pictures spread evenly over all of them, of about `most_ha` hectares together."""
    own = sorted(pictures, key=lambda p: p.name)
    mean_ha = float(np.mean([p.rgb.shape[0] * p.rgb.shape[1] * p.gsd_m**2 / 1e4 for p in own]))
    count = max(1, min(len(own), round(most_ha / mean_ha)))
    return tuple(own[n] for n in np.unique(np.linspace(0, len(own) - 1, count).round().astype(int)))


def main() -> None:
    """Run one of the two comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="default")
    kinds = parser.add_subparsers(dest="kind", required=True)
    flown = kinds.add_parser("flights")
    flown.add_argument("--out", type=Path, required=True, help="folder for flights and runs")
    flown.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4])
    flown.add_argument("--area", type=float, default=0.3, help="hectares of each")
    flown.add_argument("--gsd", type=float, default=0.01)
    real = kinds.add_parser("grounds")
    real.add_argument("--list", type=Path, default=Path("configs/train-data.yaml"))
    real.add_argument("--data", type=Path, required=True, help="folder that the list's paths lie below")
    real.add_argument("--items", type=int, default=120)
    real.add_argument("--most-ha", type=float, default=0.35, help="hectares of pictures of each ground, about")
    real.add_argument("--seed", type=int, default=4242)
    options = parser.parse_args()
    if options.kind == "flights":
        flights(options.model, options.out, seeds=options.seeds, area_ha=options.area, gsd_m=options.gsd)
    else:
        listed = load_data_list(options.list)
        grounds(options.model, options.data, listed, items=options.items, most_ha=options.most_ha, seed=options.seed)


if __name__ == "__main__":
    main()
