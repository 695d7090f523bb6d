"""Which sites a card's count of implants is of, and that pictures of any shape are laid on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from survey.characterise import implants
from survey.characterise.implants import counted_on, measure_implants
from survey.datasets.datalist import DataList, GroundEntry, SimulatedEntry
from survey.datasets.sources import Picture
from survey.detect import ImplantsCard, ImplantSite, load_detector
from survey.detect.model import load_card
from survey.implant import ALGORITHM, SEED, Tally
from survey.labels import Boxes

NONE = Boxes(np.zeros(0), np.zeros(0), np.zeros(0), ())
ONE = Boxes(np.array([40.0]), np.array([40.0]), np.array([12.0]), ("ap_mine",))


def picture(site: str, *, items: Boxes = NONE, edge: int = 250) -> Picture:
    pixels = np.random.default_rng(edge).integers(90, 140, (edge, 2 * edge, 3), np.uint8)
    return Picture(site, f"{site}-{edge}", pixels, 0.01, items, None, 1.0)


def ground(site: str, *, scaleless: bool = False) -> GroundEntry:
    return GroundEntry(kind="ground", site=site, images="-", gsd_m=0.01, licence="-", scaleless=scaleless)


def test_the_reference_is_where_recall_was_counted(model: Path) -> None:
    card = load_card(model)
    held = card.training.model_copy(update={"held_out": ("dunes", "mined")})
    known = card.model_copy(update={"training": held})
    pictures = [picture("dunes"), picture("mined", items=ONE), picture("mined"), picture("trained", items=ONE)]
    assert counted_on(known, pictures) == {"mined"}
    assert counted_on(known, [pictures[0], pictures[3]]) == {"dunes"}
    assert counted_on(card, pictures) == {"mined", "trained"}
    assert counted_on(card, pictures[:1]) == {"dunes"}


def test_every_real_site_is_counted_and_no_other(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tallies = {"dunes": Tally(20, 5, 1), "mined": Tally(10, 9, 0), "bare": Tally(0, 0, 3)}
    monkeypatch.setattr(implants, "count_on_site", lambda _, own, *, items: tallies[own[0].site])
    entries = (SimulatedEntry(kind="simulated", site="simulated"), ground("game", scaleless=True), ground("dunes"))
    pictures = [picture(site) for site in ("simulated", "game", "dunes", "bare")] + [picture("mined", items=ONE)]
    listed, detector = DataList(version=1, entries=entries), load_detector(model, runtime="torch")
    section = measure_implants(detector, pictures, listed=listed)
    assert section is not None
    assert (section.laid, section.found, section.sites) == (10, 9, ("mined",))
    assert {site: (own.laid, own.found) for site, own in section.by_site.items()} == {
        "dunes": (20, 5),
        "mined": (10, 9),
    }
    assert (section.seed, section.algorithm) == (SEED, ALGORITHM)
    assert measure_implants(detector, pictures[:2], listed=listed) is None


def test_pictures_of_any_shape_are_laid_on(model: Path) -> None:
    detector = load_detector(model, runtime="torch", precision="fp32", threads=1)
    pictures = [picture("dunes", edge=130), picture("dunes", edge=420)]
    tally = implants.count_on_site(detector, pictures, items=9)
    assert 0 < tally.used <= 9
    assert implants.count_on_site(detector, pictures[::-1], items=9) == tally
    finer = [replace(p, gsd_m=0.005) for p in pictures]
    assert implants.count_on_site(detector, finer, items=3).used <= 3


def test_a_section_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(ValueError, match="not the sum"):
        ImplantsCard(
            laid=10,
            found=9,
            sites=("mined",),
            by_site={"mined": ImplantSite(laid=10, found=8)},
            score=0.3,
            seed=1,
            algorithm=1,
        )
    with pytest.raises(ValueError, match="were found of"):
        ImplantSite(laid=1, found=2)
