"""Rendered things have their published size, their true shadow, and the same bytes for the same seed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from survey.errors import InputError, ResumeError
from survey.simulate.render import BankSprite, load_bank, make_bank, write_sheet
from survey.simulate.render.bank import INDEX, files_of
from survey.simulate.render.catalogue import KINDS, kind_of
from survey.simulate.render.draw import Draw
from survey.simulate.render.kind import CLUTTER

mitsuba = pytest.importorskip("mitsuba", reason="rendering needs Mitsuba, the extra [simulate]")

from survey.simulate.render.sprite import render_sprite  # noqa: E402 - only with Mitsuba

SMALL = 24
PUBLISHED_M = {  # diameter or length of the body, from public data sheets
    "pmn_2": 0.12, "tm_62": 0.32, "tm_46": 0.305, "m19": 0.33, "mortar_82": 0.33, "mortar_120": 0.65,
    "shell_122": 0.56, "shell_152": 0.7, "rgd_5": 0.117, "pfm_1": 0.119, "pma_1": 0.14, "9n210": 0.263,
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_a_finite_mesh_of_a_thing_that_lies_about(kind: str) -> None:
    for seed in range(3):
        solid = KINDS[kind].build(Draw(np.random.default_rng(seed)))
        assert np.isfinite(solid.triangles).all()
        assert len(solid.triangles) > 10
        assert 0.01 < solid.extent.max() < 2.0
        assert solid.material.max() < len(solid.materials)


@pytest.mark.parametrize(("kind", "length"), PUBLISHED_M.items())
def test_ordnance_has_its_published_length(kind: str, length: float) -> None:
    extents = [KINDS[kind].build(Draw(np.random.default_rng(seed), spread=0)).extent.max() for seed in range(8)]
    assert np.median(extents) == pytest.approx(length, rel=0.22)  # plugs and handles stick out


def test_names_say_what_is_ordnance_and_a_bank_draws_every_kind() -> None:
    assert all(bool(kind.class_name) != name.startswith(CLUTTER) for name, kind in KINDS.items())
    drawn = [kind_of(n, seed=1) for n in range(5 * len(KINDS))]
    assert set(drawn) == set(KINDS)
    assert sum(not name.startswith(CLUTTER) for name in drawn[:100]) == 60


def rendered(kind: str, seed: int, extent_px: int = SMALL) -> BankSprite:
    return render_sprite(kind, rng=np.random.default_rng(seed), extent_px=extent_px).sprite


def test_the_same_seed_gives_the_same_sprite_and_another_one_another() -> None:
    first, again, other = rendered("pmn", 1), rendered("pmn", 1), rendered("pmn", 2)
    assert all(np.array_equal(getattr(first, n), getattr(again, n)) for n in ("rgb", "alpha", "shadow"))
    assert first.rgb.shape != other.rgb.shape or not np.array_equal(first.rgb, other.rgb)


def test_shadows_fall_away_from_the_sun_and_overcast_skies_cast_none() -> None:
    sunny = dull = 0
    for seed in range(14):
        sprite = rendered("shell_76", seed, 32)
        rows, cols = np.mgrid[: sprite.alpha.shape[0], : sprite.alpha.shape[1]] + 0.5
        weight = sprite.shadow * (sprite.alpha < 0.02)
        assert 0 <= sprite.shadow.min() <= sprite.shadow.max() <= 1
        assert sprite.alpha.max() > 0.9
        assert 0 < sprite.visible <= 1
        if sprite.overcast:
            dull += 1
            assert np.quantile(weight[weight > 0], 0.9) < 0.6
            continue
        dark = weight > 0.5
        if sprite.visible > 0.8 and sprite.sun_elevation_deg < 50 and dark.sum() > 20:
            south, east = rows[dark].mean() - sprite.center[0], cols[dark].mean() - sprite.center[1]
            bearing = np.degrees(np.arctan2(east, -south))
            assert abs((bearing - sprite.sun_azimuth_deg - 180 + 180) % 360 - 180) < 75
            sunny += 1
    assert sunny >= 3
    assert dull >= 1


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot render 'frisbee'"):
        rendered("frisbee", 0)


def test_a_bank_goes_on_where_it_was_left_and_is_the_same(tmp_path: Path) -> None:
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    make_bank(whole, count=4, seed=3, extent_px=SMALL)
    make_bank(resumed, count=2, seed=3, extent_px=SMALL)
    make_bank(resumed, count=4, seed=3, extent_px=SMALL)
    names = sorted(p.name for p in whole.iterdir())
    assert names == sorted(p.name for p in resumed.iterdir())
    assert all((whole / n).read_bytes() == (resumed / n).read_bytes() for n in names)
    sprites = load_bank(whole)
    assert [s.kind for s in sprites] == [kind_of(n, seed=3) for n in range(4)]
    write_sheet(tmp_path / "sheet.png", sprites)
    assert (tmp_path / "sheet.png").stat().st_size > 1000
    with pytest.raises(ResumeError, match="another seed"):
        make_bank(whole, count=4, seed=4, extent_px=SMALL)


def test_a_missing_or_damaged_bank_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished bank"):
        load_bank(tmp_path)
    make_bank(tmp_path / "b", count=1, seed=3, extent_px=SMALL)
    files_of(tmp_path / "b", 0)[0].write_bytes(b"no picture")
    with pytest.raises(InputError, match="missing or damaged"):
        load_bank(tmp_path / "b")
    (tmp_path / "b" / INDEX).write_text("{")
    with pytest.raises(InputError, match="is not the index of a bank"):
        load_bank(tmp_path / "b")


def test_sprites_fade_out_towards_their_edges() -> None:
    sprite = replace(rendered("tm_62", 5))
    edge = np.concatenate([sprite.shadow[0], sprite.shadow[-1], sprite.shadow[:, 0], sprite.shadow[:, -1]])
    assert edge.max() < 0.1
