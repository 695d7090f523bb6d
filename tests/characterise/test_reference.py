"""What known ground is like: thresholds are as wide as sites that a fit did not see ask."""

import numpy as np
import pytest

from survey.characterise.reference import Origin, Window, shrunk_gaussian, thresholds_of
from survey.errors import ConfigError
from survey.novelty.hues import FEATURES
from survey.novelty.signature import HUES, PARTS


def windows(site: str, *, away: float, origin: Origin = Origin.PHOTOGRAPHS, pictures: int = 6) -> list[Window]:
    """Return windows whose features lie `away` from the origin in all directions."""
    rng = np.random.default_rng(abs(hash(away)) % 1000)
    found = []
    for n in range(pictures * 4):
        signature = {part: rng.normal(size=4) + away for part in PARTS} | {HUES: rng.normal(size=FEATURES)}
        found.append(Window(site, n // 4, origin, n % 2 == 1, signature))
    return found


def left_out(site: str, among: list[Window], *, quantile: float) -> float:
    """Return what a site asks for, by a fit to the others; every site weighs the same."""
    values = []
    for other in sorted({w.site for w in among} - {site}):
        rows = np.stack([w.signature["network"] for w in among if w.site == other])
        values.append(rows[np.linspace(0, len(rows) - 1, 200).round().astype(int)])
    asked = np.stack([w.signature["network"] for w in among if w.site == site])
    return float(np.quantile(shrunk_gaussian(np.concatenate(values)).distance(asked), quantile))


def test_a_threshold_holds_most_of_every_site_left_out() -> None:
    known = windows("a", away=0) + windows("b", away=1) + windows("c", away=4)
    found = thresholds_of(known, quantile=0.9)
    asked = [left_out(site, known, quantile=0.9) for site in "abc"]
    assert found["network"] == pytest.approx(max(asked), abs=1e-3)
    assert max(asked) == asked[2] > 1.5 * max(asked[:2])


def test_pictures_without_a_scale_and_simulated_ones_set_no_threshold() -> None:
    known = windows("a", away=0) + windows("b", away=1)
    others = windows("game", away=6, origin=Origin.SCALELESS) + windows("made", away=-6, origin=Origin.SIMULATED)
    found = thresholds_of(known + others, quantile=0.9)
    asked = [left_out(site, known + others, quantile=0.9) for site in "ab"]
    assert found["network"] == pytest.approx(max(asked), abs=1e-3)


def test_of_one_site_parts_of_its_pictures_are_left_out() -> None:
    found = thresholds_of(windows("a", away=0), quantile=0.9)
    assert 1 < found["network"] < 2.5
    with pytest.raises(ConfigError, match="one picture of ground"):
        thresholds_of(windows("a", away=0, pictures=1), quantile=0.9)
    with pytest.raises(ConfigError, match="no photograph"):
        thresholds_of(windows("a", away=0, origin=Origin.SIMULATED), quantile=0.9)
