"""False colours as they are made, and what tells them from ground."""

import numpy as np
from numpy.typing import NDArray

from survey.characterise.false_colours import FALSE_COLOURS, FAMILIES
from survey.characterise.hues import HueWindow, fit_hues, picture_logits, tint
from survey.novelty.hues import cells_of, hues_of

GSD_M = 0.01
SOILS = {
    "rust": (1.3, 1.0, 0.72),
    "clay": (1.25, 1.0, 0.72),
    "loam": (1.2, 1.0, 0.75),
    "dust": (1.16, 1.0, 0.78),
    "sand": (1.12, 1.0, 0.8),
    "marl": (1.09, 1.0, 0.86),
    "chalk": (1.06, 1.0, 0.9),
}


def ground(seed: int, *, tint: tuple[float, float, float], plants: float = 0.15) -> NDArray[np.uint8]:
    """Return soil of a colour with green plants on a share of it, (128, 128, 3)."""
    rng = np.random.default_rng(seed)
    grey = 110 + np.kron(rng.normal(0, 14, (16, 16)), np.ones((8, 8))) + rng.normal(0, 8, (128, 128))
    picture = grey[..., None] * np.array(tint)
    green = np.kron(rng.random((16, 16)) < plants, np.ones((8, 8), bool))
    picture[green] = grey[green][:, None] * np.array([0.7, 1.0, 0.4])
    return np.asarray(picture.clip(0, 255), np.uint8)


def windows(sites: dict[str, tuple[float, float, float]], *, count: int = 12) -> list[HueWindow]:
    found = []
    for number, (site, colour) in enumerate(sites.items()):
        for n in range(count):
            picture = ground(100 * number + n, tint=colour)
            own = hues_of(cells_of(picture))
            found.append(HueWindow(site, n // 3, True, own, None))
            found.append(HueWindow(site, n // 3, True, own, tint(picture, np.random.default_rng(n), gsd_m=GSD_M)))
    return found


def test_in_near_infrared_plants_are_red_and_bright_and_soil_is_not() -> None:
    picture = ground(1, tint=SOILS["loam"])
    plants = (picture[..., 1] > 1.2 * picture[..., 0]) & (picture[..., 1] > 1.2 * picture[..., 2])
    shown = FALSE_COLOURS["false colour, near infrared"][1](picture, np.random.default_rng(0), GSD_M).astype(float)
    assert np.median(shown[plants][:, 0]) > 1.5 * np.median(shown[plants][:, 1:], axis=0).max()
    assert np.median(shown[plants][:, 0]) > 1.2 * np.median(shown[~plants][:, 0])
    assert np.median(shown[~plants][:, 0]) < 1.4 * np.median(shown[~plants][:, 1])
    assert np.abs(shown[..., 1] - picture[..., 0]).max() <= 1
    stretched = FALSE_COLOURS["false colour, near infrared, each band stretched"][1]
    bare = stretched(ground(2, tint=SOILS["loam"], plants=0), np.random.default_rng(0), GSD_M).astype(float)
    assert np.ptp(bare.mean(axis=(0, 1))) < 12  # grey


def test_swapped_channels_are_swapped_and_an_index_is_green_where_there_are_plants() -> None:
    picture = ground(3, tint=SOILS["clay"])
    rng = np.random.default_rng(0)
    assert np.array_equal(
        FALSE_COLOURS["false colour, red and blue swapped"][1](picture, rng, GSD_M), picture[..., ::-1]
    )
    index = FALSE_COLOURS["false colour, vegetation index"][1](picture, rng, GSD_M).astype(int)
    plants = (picture[..., 1] > 1.2 * picture[..., 0]) & (picture[..., 1] > 1.2 * picture[..., 2])
    assert np.median((index[..., 1] - index[..., 0])[plants]) > 50
    assert np.median((index[..., 1] - index[..., 0])[~plants]) < -50


def test_false_colour_of_a_soil_that_the_fit_did_not_see_is_told() -> None:
    for left_out in ("loam", "sand"):  # redder and greyer ones are in the fit
        hues = fit_hues(windows({site: colour for site, colour in SOILS.items() if site != left_out}))
        assert hues is not None
        own = [w for w in windows({left_out: SOILS[left_out]}) if w.tinted is None]
        assert (picture_logits(hues, own) < hues.threshold).all()
        for kind in ("false colour, red and blue swapped", "false colour, vegetation index"):
            rng = np.random.default_rng(1)
            pictures = [ground(900 + n, tint=SOILS[left_out]) for n in range(4)]
            altered = [hues_of(cells_of(FALSE_COLOURS[kind][1](p, rng, GSD_M))) for p in pictures]
            assert (hues.logits(np.stack(altered)) > hues.threshold).all(), (left_out, kind)


def test_the_same_windows_give_the_same_and_a_family_can_be_left_out() -> None:
    known = windows(SOILS)
    one, again, fewer = fit_hues(known), fit_hues(known), fit_hues(known, without="palettes")
    assert one is not None
    assert again is not None
    assert fewer is not None
    assert np.array_equal(one.weights, again.weights)
    assert not np.allclose(one.weights, fewer.weights)
    assert {family for family, _ in FALSE_COLOURS.values()} == set(FAMILIES)


def test_one_site_is_too_few() -> None:
    assert fit_hues(windows({"loam": SOILS["loam"]})) is None
