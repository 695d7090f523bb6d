"""How many simulated items a model finds on the ground that its recall was counted on, and on all other real ground."""

from collections.abc import Sequence

import numpy as np

from survey.datasets.datalist import DataList, SimulatedEntry
from survey.detect import Detector, ImplantsCard, ImplantSite, ModelCard
from survey.detect.background import framed
from survey.evaluate.scores import LabelledPicture, on_own_ground
from survey.implant import (
    ALGORITHM,
    SEED,
    WINDOW_PX,
    Ground,
    Scale,
    Tally,
    lay_and_search,
    order_of,
)
from survey.values import Window

ITEMS = 240
"""Laid on each site, about: twice what a run lays, so that the flight's count is what the ratio is unsure of."""


def measure_implants(
    detector: Detector, pictures: Sequence[LabelledPicture], *, listed: DataList, items: int = ITEMS
) -> ImplantsCard | None:
    """Lay items on every real site and count those found at the model's operating point.

    Args:
        detector: Of the model.
        pictures: Of all sites.
        listed: The data list that they are of.
        items: Laid on a site, at most.

    Returns:
        None where no site is real, or too small for an item.
    """
    unreal = {e.site for e in listed.entries if isinstance(e, SimulatedEntry) or getattr(e, "scaleless", False)}
    real = [p for p in pictures if p.site not in unreal and p.gsd_m <= detector.card.max_gsd_m]
    tallies = {
        site: tally
        for site in sorted({p.site for p in real})
        if (tally := count_on_site(detector, [p for p in real if p.site == site], items=items)).laid
    }
    chosen = counted_on(detector.card, real) & set(tallies)
    if not chosen:
        return None
    whole = sum((tallies[site] for site in sorted(chosen)), Tally())
    return ImplantsCard(
        laid=whole.laid,
        found=whole.found,
        sites=tuple(sorted(chosen)),
        by_site={site: ImplantSite(laid=t.laid, found=t.found, set_aside=t.set_aside) for site, t in tallies.items()},
        score=detector.card.thresholds.score,
        seed=SEED,
        algorithm=ALGORITHM,
    )


def counted_on(card: ModelCard, pictures: Sequence[LabelledPicture]) -> set[str]:
    """Return the sites that the card's recall was counted on: those with items that training held out.

    Where none of them has items, all that training held out; where nothing is known of those, all.
    """
    held = [p for p in pictures if p.site in card.training.held_out] or list(pictures)
    return {p.site for p in held if len(p.items.row)} or {p.site for p in held}


def count_on_site(detector: Detector, pictures: Sequence[LabelledPicture], *, items: int) -> Tally:
    """Lay items on windows of one site's pictures, spread over all of them, and count those found on its own ground."""
    ordered = sorted(pictures, key=lambda p: p.name)
    searcher = on_own_ground(detector, ordered)(ordered[0].site)
    cells = [(n, *cell) for n, picture in enumerate(ordered) for cell in _cells(detector, picture)]
    total = Tally()
    for index in order_of(len(cells), wanted=len(cells)):
        if total.used >= items:
            break
        number, row, col = cells[index]
        picture = ordered[number]
        scale = Scale(picture.gsd_m, detector.card.gsd_m, detector.card.halo_px)
        ground = _window(detector, picture, row, col)
        total += lay_and_search(searcher, ground, scale=scale, first=total.used, most=items - total.used)
    return total


def _cells(detector: Detector, picture: LabelledPicture) -> list[tuple[int, int]]:
    height, width = (round(edge * picture.gsd_m / detector.card.gsd_m) for edge in picture.rgb.shape[:2])
    return [(row, col) for row in range(-(-height // WINDOW_PX)) for col in range(-(-width // WINDOW_PX))]


def _window(detector: Detector, picture: LabelledPicture, row: int, col: int) -> Ground:
    """Return a window of a picture at the model's GSD, nothing beyond the picture's edges."""
    working = detector.working(picture.rgb, picture.gsd_m)
    height, width = working.shape[:2]
    top, left = min(row * WINDOW_PX, height - 1), min(col * WINDOW_PX, width - 1)
    core = Window(top, left, min(WINDOW_PX, height - top), min(WINDOW_PX, width - left))
    pixels, valid = framed(working, core.padded(detector.card.halo_px))
    return Ground(core, pixels, valid, np.ones((core.height, core.width), bool))
