"""What reviewers judged is learnt where it lies; what nobody judged is neither demanded nor punished."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
from affine import Affine
from rasterio.warp import calculate_default_transform, reproject

from survey.composites.compose import Composer, Recipe
from survey.datasets import reviewed_runs
from survey.datasets.datalist import DataList, ReviewEntry
from survey.datasets.judged import Looked
from survey.datasets.picture import Picture
from survey.datasets.reviewed import load_reviews
from survey.datasets.reviews import open_review
from survey.datasets.sources import Cutout, Sources
from survey.errors import ConfigError, InputError, ResumeError
from survey.review import Draw, Kind, ReviewStore, Status, tile_at, tile_box
from survey.review.material import load_material
from survey.train import TrainConfig
from survey.train.identity import Identity, used_files
from survey.train.mining import draw_looks, is_mined
from survey.train.targets import make_batch
from survey.values import CLASSES
from tests.pictures import disc, ground
from tests.review.opinions import CRS, opinion
from tests.review.runs import write_run

GSD_M = 0.02
ORIGIN = (500_040.0, 4_400_060.0)
ROWS, COLS = 1000, 1100
"""20 m x 22 m: tiles with their corners at whole multiples of 10 m, the first at pixel (0, 0)."""
DOTS = [(220.3, 310.6), (260.2, 700.9), (700.5, 250.1), (120.4, 820.7)]
"""(row, col) of bright things: by their order confirmed, rejected (a bar), not judged, missed by the run."""
CONFIRMED, REJECTED, OPEN, MISSED = DOTS
EMPTY_TILE, SIGHTED_TILE = tile_at(500_055, 4_400_045), tile_at(500_045, 4_400_045)


def write_site(folder: Path) -> Path:
    """Write one image of bright dots and a run that found three of them."""
    rgb = np.moveaxis(ground(5, ROWS, COLS) // 4, -1, 0).copy()
    for row, col in DOTS:
        high, wide = (2, 14) if (row, col) == REJECTED else (4, 4)
        rgb[:, int(row) - high : int(row) + high + 1, int(col) - wide : int(col) + wide + 1] = 250
    transform = Affine(GSD_M, 0, ORIGIN[0], 0, -GSD_M, ORIGIN[1])
    path = folder / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=ROWS, width=COLS, count=3, dtype="uint8", crs=CRS, transform=transform
    ) as out:
        out.write(rgb)
    points = np.array([transform * (col, row) for row, col in (CONFIRMED, REJECTED, OPEN)])
    return write_run(folder / "run", [path], points=points)


def ids_of(run: Path) -> dict[tuple[float, float], str]:
    table = pyogrio.read_dataframe(run / "products" / "detections.gpkg", layer="detections")
    return {
        min(DOTS, key=lambda dot: abs(dot[0] - r) + abs(dot[1] - c)): name
        for r, c, name in zip(table["image_row"], table["image_col"], table["detection_id"], strict=True)
    }


def at(place: tuple[float, float]) -> dict[str, Any]:
    return {"x": ORIGIN[0] + place[1] * GSD_M, "y": ORIGIN[1] - place[0] * GSD_M}


def judge(run: Path) -> None:
    """Confirm one, reject one, leave one, draw one; look at an empty tile and at one with a sighting."""
    names = ids_of(run)
    (image,) = (image.image_id for image in load_material(run).images)
    seen: dict[str, Any] = {"seen": {"images": [image]}}
    with ReviewStore(run) as store:
        store.add(opinion(names[CONFIRMED], Status.RELABELLED, label="at_mine", size_m=0.3, **at(CONFIRMED), **seen))
        store.add(opinion(names[REJECTED], Status.REJECTED, **at(REJECTED), **seen))
        drawn: dict[str, Any] = {"kind": Kind.MISSED, "label": "submunition", "size_m": 0.16}
        store.add(opinion("item-1", Status.MISSED_ITEM, **at(MISSED), **drawn, **seen))
        for tile in (EMPTY_TILE, SIGHTED_TILE):
            box = tile_box(tile)
            told: dict[str, Any] = {"kind": Kind.TILE, "label": None, "size_m": None, "geometry": box.wkt}
            store.add(opinion(tile, Status.TILE_REVIEWED, x=box.centroid.x, y=box.centroid.y, **told, **seen))


def entry_of(run: Path, **more: Any) -> ReviewEntry:
    return ReviewEntry(kind="review", site="range", run=str(run), **more)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judged run; not to be changed."""
    run = write_site(tmp_path_factory.mktemp("site"))
    judge(run)
    return run


@pytest.fixture(scope="module")
def pictures(run: Path) -> list[Picture]:
    return load_reviews(entry_of(run), Path())


def origin_of(picture: Picture) -> tuple[int, int]:
    row, col = picture.name.split(":")[1:]
    return int(row), int(col)


def test_labels_lie_on_the_pixels_that_show_them_with_class_and_size(pictures: list[Picture]) -> None:
    told = set()
    for picture in pictures:
        row, col = origin_of(picture)
        for r, c, size, name in zip(
            picture.items.row, picture.items.col, picture.items.size_px, picture.items.classes, strict=True
        ):
            told.add((round(r + row, 3), round(c + col, 3), name, round(float(size) * picture.gsd_m, 3)))
            if 5 < r < picture.rgb.shape[0] - 5 and 5 < c < picture.rgb.shape[1] - 5:
                assert (picture.rgb[int(r) - 4 : int(r) + 5, int(c) - 4 : int(c) + 5] == 250).all()
    assert told == {(*CONFIRMED, "at_mine", 0.3), (*MISSED, "submunition", 0.16)}
    rejected = [
        (r + origin_of(p)[0], c + origin_of(p)[1]) for p in pictures if p.judged for r, c in p.judged.rejected.tolist()
    ]
    assert rejected == [pytest.approx(REJECTED)]
    assert all(p.site == "range" and p.disturbed is None for p in pictures)
    assert sum(p.weight for p in pictures) == pytest.approx(1)


def test_ground_is_known_where_somebody_looked(pictures: list[Picture]) -> None:
    whole = np.zeros((ROWS, COLS), np.uint8)
    for picture in pictures:
        row, col = origin_of(picture)
        assert picture.judged is not None
        view = whole[row : row + picture.rgb.shape[0], col : col + picture.rgb.shape[1]]
        np.maximum(view, picture.judged.ground, out=view)
    assert whole[750, 750] == Looked.EMPTY  # 10 m = 500 pixels a tile; the second of the second row
    assert whole[502, 750] == Looked.NOT  # within 0.2 m of its edge an item may be the neighbour's
    assert whole[750, 100] == Looked.YES  # the tile with an open sighting was looked at, and is not mined
    assert whole[int(REJECTED[0]), int(REJECTED[1]) + 8] == Looked.YES
    assert whole[int(CONFIRMED[0]), int(CONFIRMED[1]) + 8] == Looked.YES
    assert whole[int(REJECTED[0]), int(REJECTED[1]) + 60] == Looked.NOT
    assert whole[300, 100] == Looked.NOT
    judged = [p.judged for p in pictures if p.judged is not None]
    open_at = {
        (round(r + origin_of(p)[0], 3), round(c + origin_of(p)[1], 3))
        for p, j in zip(pictures, judged, strict=True)
        for r, c in zip(j.unsettled.row, j.unsettled.col, strict=True)
    }
    assert open_at == {OPEN}


def test_only_whole_empty_tiles_are_mined(pictures: list[Picture]) -> None:
    config = TrainConfig(crop_px=64, mine_windows=60)
    assert any(is_mined(p) for p in pictures)
    for look in draw_looks(pictures, config, 3):
        judged = pictures[look.picture].judged
        assert judged is not None
        assert judged.ground[int(look.row), int(look.col)] == Looked.EMPTY


def composer(pictures: list[Picture], *, mined_share: float, empty_share: float = 1.0) -> Composer:
    recipe = Recipe(
        crop_px=64,
        gsd_m=GSD_M,
        classes=CLASSES,
        empty_share=empty_share,
        disturbance_share=0,
        clutter_mean=0,
        nodata_share=0,
        mined_share=mined_share,
    )
    return Composer(Sources(tuple(pictures), (Cutout(*disc(), "ap_mine", (0.1, 0.3), 1.0),), 0.0), recipe, seed=2)


def test_crops_show_labels_and_ignore_what_is_open(pictures: list[Picture]) -> None:
    made = composer(pictures, mined_share=0)
    labelled = ignored = 0
    for number in range(150):
        sample = made.compose(number)
        batch = make_batch([sample])
        grey = sample.pixels.mean(axis=2)
        for n in range(len(sample.row)):
            row, col = int(sample.row[n]), int(sample.col[n])
            if not (0 <= row < 64 and 0 <= col < 64):
                continue
            assert grey[row, col] > 1.5 * np.median(grey)
            weight = float(batch.weight[0, 0, row // 4, col // 4])
            if sample.ignored[n]:
                ignored += 1
                assert weight == 0
            else:
                labelled += 1
                assert (weight, float(batch.heat[0, 0, row // 4, col // 4])) == (1, 1)
                assert CLASSES[int(sample.class_index[n])] in {"at_mine", "submunition"}
        assert (batch.weight[0, 0].numpy() <= 1).all()
    assert labelled > 40
    assert ignored > 0


def test_a_bright_thing_without_a_label_on_a_crop_is_rejected_or_has_no_weight(pictures: list[Picture]) -> None:
    rejected = 0
    made = composer(pictures, mined_share=1.0)
    for number in range(20):
        sample = made.compose(number)
        batch = make_batch([sample])
        assert not len(batch.centre)
        grey = sample.pixels.mean(axis=2)
        bar = np.argwhere(grey > (grey.max() + np.median(grey)) / 2)
        row, col = (int(value) // 4 for value in bar.mean(axis=0))
        assert 3 <= row <= 12  # the middle half, a cell more on either side
        assert 3 <= col <= 12
        assert batch.weight[0, 0, row, col] == 1
        assert batch.weight.min() == 0  # most ground around it was not looked at
        rejected += 1
    assert rejected == 20


def test_what_is_laid_on_ground_that_nobody_looked_at_is_demanded(pictures: list[Picture]) -> None:
    made = composer([replace(p) for p in pictures], mined_share=0, empty_share=0)
    demanded = 0
    for number in range(40):
        sample = made.compose(number)
        if sample.ignored.any():  # beside what is not known nothing is demanded
            continue
        batch = make_batch([sample])
        for index, row, col in batch.centre.tolist():
            demanded += not sample.known[row, col]
            assert batch.weight[index, 0, row, col] == 1
    assert demanded > 10


def test_an_item_without_a_class_teaches_none(run: Path, tmp_path: Path) -> None:
    own = write_site(tmp_path)
    names = ids_of(own)
    with ReviewStore(own) as store:
        store.add(opinion(names[CONFIRMED], label="anomaly", **at(CONFIRMED)))
    (picture,) = load_reviews(entry_of(own), tmp_path)
    assert picture.items.classes == ("",)
    sample = next(s for s in map(composer([picture], mined_share=0).compose, range(20)) if (~s.ignored).any())
    assert set(make_batch([sample]).kind.tolist()) == {-1}


def test_disputed_and_unsure_things_are_open(tmp_path: Path) -> None:
    own = write_site(tmp_path)
    names = ids_of(own)
    with ReviewStore(own) as store:
        store.add(opinion(names[CONFIRMED], blind_round=1, **at(CONFIRMED)))
        store.add(opinion(names[CONFIRMED], Status.REJECTED, reviewer="Bo", blind_round=1, **at(CONFIRMED)))
        store.add(opinion(names[OPEN], Status.UNSURE, **at(OPEN)))
        store.add(opinion(names[REJECTED], Status.REJECTED, **at(REJECTED)))
    (picture,) = load_reviews(entry_of(own), tmp_path)
    assert not len(picture.items.row)
    assert picture.judged is not None
    assert len(picture.judged.rejected) == 1
    assert not is_mined(picture)


def warped_copy(image: Path, to: Path) -> Path:
    """Write the same ground in the next UTM zone, turned by the zones' convergence."""
    with rasterio.open(image) as source:
        transform, width, height = calculate_default_transform(
            source.crs, "EPSG:32637", source.width, source.height, *source.bounds, resolution=GSD_M
        )
        profile = source.profile | {"crs": "EPSG:32637", "transform": transform, "width": width, "height": height}
        with rasterio.open(to, "w", **profile | {"nodata": 0}) as out:
            for band in (1, 2, 3):
                target = np.zeros((height, width), np.uint8)
                reproject(rasterio.band(source, band), target, dst_transform=transform, dst_crs="EPSG:32637")
                out.write(target, band)
    return to


@pytest.mark.parametrize("seen_on", [1, 2])
def test_on_other_images_places_are_open_where_they_are_uncertain(seen_on: int, tmp_path: Path) -> None:
    write_site(tmp_path)
    images = [tmp_path / "a.tif", warped_copy(tmp_path / "a.tif", tmp_path / "b.tif")]
    transform = Affine(GSD_M, 0, ORIGIN[0], 0, -GSD_M, ORIGIN[1])
    points = np.array([transform * (col, row) for row, col in (CONFIRMED, REJECTED)])
    run = write_run(tmp_path / "both", images, points=points)
    names, ids = ids_of(run), [image.image_id for image in load_material(run).images]
    with ReviewStore(run) as store:
        store.add(opinion(names[CONFIRMED], seen={"images": ids[:1]}, **at(CONFIRMED)))
        store.add(opinion(names[REJECTED], Status.REJECTED, seen={"images": ids[:1]}, **at(REJECTED)))
        drawn: dict[str, Any] = {
            "kind": Kind.MISSED,
            "label": "submunition",
            "size_m": 0.16,
            "seen": {"images": ids[:seen_on]},
        }
        store.add(opinion("item-1", Status.MISSED_ITEM, **at(MISSED), **drawn))
        box = tile_box(EMPTY_TILE)
        told: dict[str, Any] = {
            "kind": Kind.TILE,
            "label": None,
            "size_m": None,
            "geometry": box.wkt,
            "seen": {"images": ids},
        }
        store.add(opinion(EMPTY_TILE, Status.TILE_REVIEWED, x=box.centroid.x, y=box.centroid.y, **told))
    review = open_review(entry_of(run), tmp_path)
    first, second = (review.places_on(image) for image in review.material.images)
    verdicts = {(round(r, 2), round(c, 2)): v for r, c, v in zip(first.row, first.col, first.verdict, strict=True)}
    assert verdicts == {CONFIRMED: 1, REJECTED: -1, MISSED: 1 if seen_on == 1 else 0}
    assert second.verdict.tolist() == [0, 0]  # what is rejected on one image is not known on the other
    with rasterio.open(images[1]) as dataset:
        band = dataset.read(1)
    for row, col in zip(second.row, second.col, strict=True):
        assert band[int(row), int(col)] > 200
    pictures = load_reviews(entry_of(run), tmp_path)
    assert any(p.judged and p.judged.may_be_mined for p in pictures if p.name.startswith("b.tif"))


def test_identity_follows_decisions_and_not_their_file(run: Path, tmp_path: Path) -> None:
    own = write_site(tmp_path)
    judge(own)
    data = DataList(version=1, entries=(entry_of(own),))

    def identity() -> Identity:
        return Identity.of(TrainConfig(), data, used_files(data, tmp_path))

    before = identity()
    assert set(before.files) == {
        f"review/range/0123456789abcdef/{n}" for n in ("decisions", "detections.gpkg", "a.tif")
    }
    assert str(tmp_path) not in str(before.as_state())
    with ReviewStore(own) as store:
        store.record(Draw("r", 1, "empty", 4, 10.0, (EMPTY_TILE,)))
    assert identity().hashes() == before.hashes()
    with ReviewStore(own) as store:
        store.add(opinion(ids_of(own)[OPEN], Status.REJECTED, **at(OPEN)))
    after = identity()
    assert after.hashes() != before.hashes()
    with pytest.raises(ResumeError, match="decisions has other content"):
        after.check(before.as_state(), Path("checkpoint.pt"))


def test_what_cannot_be_used_is_told_with_the_remedy(run: Path, tmp_path: Path) -> None:
    own = write_site(tmp_path)
    with pytest.raises(ConfigError, match="survey review"):
        load_reviews(entry_of(own), tmp_path)
    judge(own)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    image = (tmp_path / "a.tif").rename(moved / "a.tif")
    with pytest.raises(InputError, match="--images"):
        load_reviews(entry_of(own), tmp_path)
    assert load_reviews(entry_of(own, images=(str(moved),)), tmp_path)
    with rasterio.open(image, "r+") as out:
        out.write(np.zeros((3, 5, 5), np.uint8), window=rasterio.windows.Window(0, 0, 5, 5))
    with pytest.raises(ConfigError, match="changed since it was judged"):
        load_reviews(entry_of(own, images=(str(moved),)), tmp_path)


def test_runs_are_named_with_or_without_a_site(tmp_path: Path) -> None:
    first, second = reviewed_runs([f"north={tmp_path / 'a'}", str(tmp_path / "b")], images=[tmp_path])
    assert (first.site, second.site) == ("north", "b")
    assert first.run == str(tmp_path / "a")
    assert first.names == {"north"}
    with pytest.raises(ConfigError, match="--from-review"):
        reviewed_runs([], images=[tmp_path])
    assert str(tmp_path) not in first.model_dump_json()
