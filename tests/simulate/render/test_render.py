"""Rendered things have their published size, their true shadow, and the same bytes for the same seed."""

import json
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
from survey.simulate.render.materials import WHITE_PLASTIC as WHITE
from survey.simulate.render.sky import Light
from survey.simulate.render.solids import lathe
from survey.simulate.render.weather import Skin
from survey.simulate.sun import Sun

mitsuba = pytest.importorskip("mitsuba", reason="rendering needs Mitsuba, the extra [simulate]")

from survey.simulate.render import sprite  # noqa: E402 - only with Mitsuba
from survey.simulate.render.sprite import render_sprite  # noqa: E402
from survey.simulate.render.tracer import trace  # noqa: E402

SMALL = 24
PUBLISHED_M = {  # smaller extent across and height of the body (for things that fly: calibre and length), data sheets
    "pmn": (0.112, 0.053), "pmn_2": (0.12, 0.054), "pmn_4": (0.095, 0.046), "pma_1": (0.068, 0.032),
    "pma_2": (0.068, 0.061), "pma_3": (0.104, 0.036), "pmd_6": (0.09, 0.065), "vs_50": (0.09, 0.045),
    "type_72": (0.078, 0.038), "m14": (0.056, 0.04), "ozm_72": (0.108, 0.172), "tm_46": (0.305, 0.108),
    "tm_57": (0.316, 0.102), "tm_62": (0.32, 0.128), "tm_72": (0.25, 0.126), "tma_3": (0.265, 0.08),
    "tma_4": (0.284, 0.06), "tmrp_6": (0.29, 0.132), "vs_2_2": (0.24, 0.117), "m15": (0.337, 0.15),
    "ptm_3": (0.084, 0.084), "shoab": (0.06, 0.06), "ao_2_5": (0.09, 0.15), "mortar_60": (0.06, 0.27),
    "mortar_82": (0.082, 0.33), "mortar_120": (0.12, 0.66), "shell_122": (0.122, 0.56), "shell_152": (0.152, 0.7),
    "f_1": (0.055, 0.117), "rgd_5": (0.057, 0.117), "rkg_3": (0.076, 0.362), "vog": (0.04, 0.103),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_a_finite_mesh_of_a_thing_that_lies_about(kind: str) -> None:
    for seed in range(3):
        solid = KINDS[kind].build(Draw(np.random.default_rng(seed)))
        assert np.isfinite(solid.triangles).all()
        assert len(solid.triangles) > 10
        assert 0.01 < solid.extent.max() < 2.0
        assert solid.material.max() < len(solid.materials)


@pytest.mark.parametrize(("kind", "published"), PUBLISHED_M.items())
def test_ordnance_has_its_published_measures(kind: str, published: tuple[float, float]) -> None:
    built = [KINDS[kind].build(Draw(np.random.default_rng(seed), spread=0)).extent for seed in range(8)]
    across, height = np.median([(min(x, y), z) for x, y, z in built], axis=0)
    # Plugs, handles, lids and fuzes stick out of a body; nothing makes it smaller.
    assert 0.94 < across / published[0] < 1.14
    assert 0.94 < height / published[1] < 1.3


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


def lit_cone(light: Light) -> BankSprite:
    """A cone of 0.2 m on flat ground, its apex 0.1 m high, under a given light."""
    cone, rng = lathe([(0.1, 0.0), (0.0, 0.1)], WHITE), np.random.default_rng(2)
    scene = sprite._scene(cone, soil=(150, 128, 100), sunk_m=0, extent_px=SMALL, light=light, rng=rng)
    spec = KINDS[CLUTTER + "ball"]
    traced, whole = trace(scene, light, seed=1), sprite.outline_px(scene)
    return sprite._sprite("cone", spec, scene=scene, traced=traced, light=light, size_m=0.2, whole_px=whole)


@pytest.mark.parametrize("azimuth_deg", [20.0, 110.0, 290.0])
def test_shadows_fall_away_from_the_sun(azimuth_deg: float) -> None:
    light = replace(Light.drawn(np.random.default_rng(0)), sun=Sun(azimuth_deg, 25.0), overcast=False, sun_share=0.7)
    made = lit_cone(light)
    assert made.alpha.max() == 1
    assert 0 <= made.shadow.min() <= made.shadow.max() <= 1
    rows, cols = np.nonzero((made.shadow > 0.5) & (made.alpha < 0.02))
    south, east = rows.mean() + 0.5 - made.center[0], cols.mean() + 0.5 - made.center[1]
    assert abs((np.degrees(np.arctan2(east, -south)) - azimuth_deg) % 360 - 180) < 15
    # The apex, 0.1 m high, throws its shadow 0.1 / tan 25 degrees = 0.21 m far.
    reach = np.hypot(rows + 0.5 - made.center[0], cols + 0.5 - made.center[1]).max() * made.gsd_m
    assert reach == pytest.approx(0.21, abs=0.04)


def test_an_overcast_sky_casts_no_hard_shadow() -> None:
    light = replace(Light.drawn(np.random.default_rng(0)), overcast=True, sun_share=0.0)
    made = lit_cone(light)
    beside = made.shadow[made.alpha < 0.02]
    assert 0.03 < beside.max() < 0.5  # the ground beside a cone still sees most of the sky


def test_the_deeper_a_thing_is_sunk_the_less_of_its_outline_shows() -> None:
    spec = KINDS[CLUTTER + "ball"]
    whole = spec.build(Draw(np.random.default_rng(1))).grounded()
    light = replace(Light.drawn(np.random.default_rng(1)), overcast=True, sun_share=0.0)
    shown = []
    for sunk in (0.0, 0.6, 0.8):
        rng, depth = np.random.default_rng(3), sunk * float(whole.extent[2])
        solid = whole.moved(z=-depth)
        scene = sprite._scene(solid, soil=(150, 128, 100), sunk_m=depth, extent_px=SMALL, light=light, rng=rng)
        shown.append(trace(scene, light, seed=1).cover.sum() / sprite.outline_px(scene))
    assert shown[0] == pytest.approx(1, abs=0.04)
    # A ball sunk to 0.8 of its height shows a circle of 0.64 of its outline, less what is piled up against it.
    assert shown[0] > shown[1] > shown[2]
    assert shown[2] < 0.7


@pytest.mark.parametrize("azimuth_deg", [20.0, 110.0, 290.0])
def test_the_sky_is_brightest_around_the_sun(azimuth_deg: float) -> None:
    """A cone under the sky alone is brighter on the flank that faces the sun."""
    light = replace(
        Light.drawn(np.random.default_rng(0)), sun=Sun(azimuth_deg, 30.0), overcast=False, sun_share=0.5, glow=2.0
    )
    cone = lathe([(0.1, 0.0), (0.0, 0.1)], WHITE)
    rng = np.random.default_rng(2)
    scene = sprite._scene(cone, soil=(150, 128, 100), sunk_m=0, extent_px=SMALL, light=light, rng=rng)
    corners = scene.triangles.reshape(-1, 3)
    plain = Skin(np.full(corners.shape, 0.5), np.ones(len(corners)), np.zeros(len(corners)))
    traced = trace(scene._replace(skin=plain, view=np.array([0.0, 0.0, 1.0])), light, seed=1)
    rows, cols = np.nonzero(traced.cover > 0.99)
    glow = traced.sky[rows, cols].mean(axis=1)
    south, east = np.polyfit(rows, glow, 1)[0], np.polyfit(cols, glow, 1)[0]
    bearing = np.degrees(np.arctan2(east, -south))
    assert abs((bearing - azimuth_deg + 180) % 360 - 180) < 30


def test_a_bank_is_not_finished_by_another_version_of_the_renderer(tmp_path: Path) -> None:
    make_bank(tmp_path, count=1, seed=3, extent_px=SMALL)
    (tmp_path / "plan.json").write_text(json.dumps({"format": 1, "seed": 3, "extent_px": SMALL}))
    with pytest.raises(ResumeError, match="version of the renderer"):
        make_bank(tmp_path, count=2, seed=3, extent_px=SMALL)


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
