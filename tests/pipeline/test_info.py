"""`survey info`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from survey.config import RunConfig
from survey.pipeline import describe


def test_tells_scale_area_validity_and_work(flight: Callable[..., Path], config: RunConfig) -> None:
    (info,) = describe([flight()], config=config)
    assert info.gsd_m == pytest.approx((0.01, 0.01), rel=1e-3)
    assert info.flown_ha == pytest.approx((700 * 900 - 233 * 225) * 1e-8, rel=0.02)
    assert (info.blocks, info.tiles) == (3, 12)
    assert info.seconds > 0
    text = str(info)
    for words in ("UTM zone 38N", "700 x 900 px", "mask band", "12 tiles"):
        assert words in text


def test_says_what_is_wrong_with_coarse_imagery(flight: Callable[..., Path], config: RunConfig) -> None:
    (info,) = describe([flight(gsd_m=0.2)], config=config)
    assert info.seconds == 0
    assert any("coarser" in warning for warning in info.warnings)
