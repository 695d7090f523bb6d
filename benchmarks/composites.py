"""Recall and false alarms of models on composites: settings of a training can be tried by them.

Real items cut out of photographs lie on the real pictures of a flight, at its own scale; the models may have seen
neither. So a choice can be made without a look at the real frames that the chosen model is measured on. What the
flights show themselves counts as false alarms: shoes, tracks, markers.
"""

import argparse
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from survey import load_detector
from survey.composites.compose import LEAST_CONTRAST, LEAST_PX, LEAST_VISIBLE, Composer, Light, Recipe
from survey.datasets.datalist import load_data_list
from survey.datasets.sources import Picture, Sources, load_sources
from survey.evaluate.curves import average_precision
from survey.evaluate.report import froc, probing
from survey.evaluate.run import seen_in_training
from survey.evaluate.scores import Scores, score_pictures
from survey.labels import Boxes
from survey.simulate import Sun
from survey.simulate.canvas import Canvas, Pasted, contrast
from survey.values import CLASSES

PLOT_M = 5.0
"""Edge of the squares that a picture is cut into; items are laid square by square."""
ITEMS = 1.0
"""Mean number of items of a square, if no other is asked for: 400 a hectare, so that a few pictures hold enough."""
INSIDE = 0.06
"""Items lie this share of a square away from its edge, at least."""
COVERED = 0.35
"""Share of the items of which the ground's own texture hides a part."""
BLUR_PX, NOISE, QUALITY = 0.5, 2.0, 88
"""One camera for all: what is pasted must not be told by its sharpness alone."""
EDGES_M = (0.0, 0.12, 0.2, np.inf)
"""Items are counted by longest extent too."""


@dataclass(frozen=True, slots=True)
class Flight:
    """Lays items on the pictures of a flight; its sun is drawn once."""

    sources: Sources
    seed: int
    plot_m: float = PLOT_M
    """Edge of the squares."""
    items: float = ITEMS
    """Mean number of items of a square."""

    def pictures(self) -> list[Picture]:
        """Return all pictures with items, each known; the same seed gives the same."""
        return [self._laid(picture, n) for n, picture in enumerate(self.sources.pictures)]

    def _laid(self, picture: Picture, number: int) -> Picture:
        rng = np.random.default_rng([self.seed, number])
        sun = Sun.sample(np.random.default_rng([self.seed, *picture.site.encode()]))
        edge = round(self.plot_m / picture.gsd_m)
        recipe = Recipe(crop_px=edge, gsd_m=picture.gsd_m, classes=CLASSES)
        composer = Composer(self.sources, recipe, seed=self.seed)
        rgb, items = picture.rgb.copy(), list[Pasted]()
        for top in range(0, rgb.shape[0] - edge + 1, edge):
            for left in range(0, rgb.shape[1] - edge + 1, edge):
                plot = rgb[top : top + edge, left : left + edge]
                for _ in range(rng.poisson(self.items)):
                    plot[:], item = _with_item(plot, composer, Light(sun, overcast=False), rng)
                    items += [replace(i, row=i.row + top, col=i.col + left) for i in item]
        boxes = Boxes(
            np.array([i.row for i in items], np.float64),
            np.array([i.col for i in items], np.float64),
            np.array([i.size_px for i in items], np.float64),
            tuple(i.class_name for i in items),
        )
        return replace(picture, rgb=_recorded(rgb, rng), items=boxes)


def _with_item(
    plot: NDArray[np.uint8], composer: Composer, light: Light, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], list[Pasted]]:
    """Return a square with one more item; without it where the item would not show."""
    edge = plot.shape[0]
    canvas = Canvas(plot.copy(), [])
    row, col = rng.uniform(INSIDE, 1 - INSIDE, 2) * edge
    canvas.lay(composer.item(light, rng), rng, covered=bool(rng.random() < COVERED), place=(float(row), float(col)))
    shows = [
        item
        for item in canvas.items
        if item.visible >= LEAST_VISIBLE
        and item.size_px >= LEAST_PX
        and contrast(plot, canvas.rgb, item) >= LEAST_CONTRAST
    ]
    return (canvas.rgb, shows) if shows else (plot, [])


def _recorded(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    soft = cv2.GaussianBlur(rgb, (0, 0), BLUR_PX)
    noisy = np.clip(soft + rng.normal(0, NOISE, rgb.shape), 0, 255).astype(np.uint8)
    packed = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_UNCHANGED), np.uint8)


def flown_higher(picture: Picture, factor: float, *, seed: int) -> Picture:
    """Return a picture at `factor` times its GSD by the same camera; items that hardly show are still asked for."""
    if factor == 1:
        return picture
    size = tuple(round(extent / factor) for extent in picture.rgb.shape[1::-1])
    small = np.asarray(cv2.resize(picture.rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    rng = np.random.default_rng([seed, *picture.name.encode()])
    items = picture.items.scaled(1 / factor)
    return replace(picture, rgb=_recorded(small, rng), gsd_m=picture.gsd_m * factor, items=items)


def told(scores: Scores) -> str:
    """Return the figures of one model on one flight; intervals are Clopper-Pearson's, of the items."""
    best = np.full(len(scores.items.x), -np.inf)
    best[scores.sightings.item[scores.sightings.true]] = scores.sightings.score[scores.sightings.true]
    lines = [f"AP {average_precision(scores):.3f}, {len(best)} items, {scores.area_ha:.2f} ha"]
    for point in froc(scores):
        if point["resolved"]:
            found = best >= point["score"]
            line = f"  {point['per_ha']:g}/ha, score {point['score']:.2f}: {_share(found)}"
            for low, high in pairwise(EDGES_M):
                own = (scores.items.size_m >= low) & (scores.items.size_m < high)
                line += f"; {low * 100:g} to {high * 100:g} cm {_share(found[own])}" if own.any() else ""
            lines.append(line)
    return "\n".join(lines)


def _share(found: NDArray[np.bool_]) -> str:
    hits, of = int(found.sum()), len(found)
    low = float(beta.ppf(0.025, hits, of - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, of - hits)) if hits < of else 1.0
    return f"{hits} of {of} = {hits / of:.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    """Measure each model on the same flights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("list", type=Path, help="data list of the real ground and the cut-outs to lay on it")
    parser.add_argument("models", nargs="+", help="models, by name or folder")
    parser.add_argument("--data", type=Path, required=True, help="folder that the list's paths lie below")
    parser.add_argument("--seed", type=int, default=4242)
    parser.add_argument("--sheet", type=Path, help="PNG of a part of the first picture of each flight")
    parser.add_argument("--items", type=float, default=ITEMS, help="mean number of items on 25 square metres")
    parser.add_argument("--site", help="lay items on this ground alone")
    parser.add_argument("--only", type=int, help="lay this cut-out alone, by its number: a field of one kind of mine")
    parser.add_argument(
        "--coarser", type=float, nargs="+", default=[1.0], help="as if flown so many times as high, each"
    )
    parser.add_argument("--first-look", action="store_true", help="do not look again at what stands out")
    options = parser.parse_args()
    data = load_data_list(options.list)
    sources = load_sources(data, options.data)
    if options.site is not None:
        sources = replace(sources, pictures=tuple(p for p in sources.pictures if p.site == options.site))
        if not sources.pictures:
            parser.error(f"--site: the list has no ground {options.site}")
    if options.only is not None:
        sources = replace(sources, cutouts=(sources.cutouts[options.only],))
    pictures = Flight(sources, options.seed, items=options.items).pictures()
    sites = sorted({picture.site for picture in pictures})
    if options.sheet:
        first = [next(p.rgb[:1000, :1000] for p in pictures if p.site == site) for site in sites]
        cv2.imwrite(str(options.sheet), cv2.cvtColor(np.hstack(first), cv2.COLOR_RGB2BGR))
    for model in options.models:
        detector = load_detector(model)
        if options.first_look:
            detector.looker = None
        seen = seen_in_training(detector.card, sorted({entry.site for entry in data.entries}))
        note = f", trained on {', '.join(seen)} of these: its figures flatter" if seen else ""
        print(f"{model}{note}", flush=True)
        for site in sites:
            for factor in options.coarser:
                own = [flown_higher(p, factor, seed=options.seed) for p in pictures if p.site == site]
                scores = told(score_pictures(probing(detector), own))
                print(f"{site}, GSD {own[0].gsd_m * 100:.2g} cm: {scores}", flush=True)


if __name__ == "__main__":
    main()
