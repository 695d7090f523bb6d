from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from survey.errors import InputError
from survey.review import Kind, ReviewStore, Status, agreement, standing
from survey.review.material import load_material
from tests.page.conftest import WRITES
from tests.page.rasters import ORIGIN, decoded

BOX = {"west": 0, "south": 0, "east": 1e6, "north": 1e7, "resolution": 0.02}


def decide(client: Any, **given: Any) -> Any:
    body = {"kind": "sighting", "status": "confirmed", "reviewer": "Aygun", **given}
    return client.post("/api/decisions", json=body, headers=WRITES)


def first(client: Any, n: int = 0) -> str:
    subject: str = client.get("/api/items", params=BOX).json()["items"][n][0]
    return subject


def test_a_run_is_told_with_its_images(client: Callable[..., Any]) -> None:
    told = client().get("/api/run").json()
    assert (told["model"], told["crs"], told["read_only"]) == ("toy", "EPSG:32638", False)
    assert {"ap_mine", "at_mine", "submunition", "anomaly"} <= set(told["classes"])
    assert told["images_missing"] == []
    near = [image for image in client().get("/api/images").json() if not image["far"]]
    assert [image["file"] for image in near] == ["a.tif", "b.tif"]
    assert near[0]["bounds"][:1] == [ORIGIN[0]]
    assert near[0]["resolutions"][-1] == 0.01


def test_every_item_is_in_its_view_once(client: Callable[..., Any]) -> None:
    asking = client()
    items = asking.get("/api/items", params=BOX).json()["items"]
    assert len(items) == len({row[0] for row in items}) == 12, "sightings of one item count once"
    _, x, y, *_ = items[0]
    near = {"west": x - 0.01, "east": x + 0.01, "south": y - 0.01, "north": y + 0.01, "resolution": 0.001}
    assert [row[0] for row in asking.get("/api/items", params=near).json()["items"]] == [items[0][0]]


def test_too_many_items_are_counted(client: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    asking = client()
    decide(asking, subject=first(asking))
    monkeypatch.setattr("survey.page.desk.MOST_POINTS", 5)
    clusters = asking.get("/api/items", params={**BOX, "resolution": 100}).json()["clusters"]
    assert sum(row[2] for row in clusters) == 12
    assert sum(row[3] for row in clusters) == 1


def test_a_decision_is_kept_with_what_was_seen(client: Callable[..., Any], run: Path) -> None:
    asking = client()
    subject = first(asking)
    thing = asking.get("/api/thing", params={"subject": subject}).json()
    image = thing["sightings"][0]["image_id"]
    seen = {"images": [image, "another"], "scales_m": [2, 6], "resolution_m": 0.005, "queue": "informative"}
    assert decide(asking, subject=subject, seen=seen, note="half buried").status_code == 200
    with ReviewStore(run, read_only=True) as store:
        (decision,) = store.decisions()
    told = decision.opinion
    assert (told.kind, told.status, told.reviewer, told.note) == (
        Kind.SIGHTING,
        Status.CONFIRMED,
        "Aygun",
        "half buried",
    )
    assert (told.place.x, told.place.y) == (thing["x"], thing["y"])
    assert told.label == thing["class"]
    assert told.seen["images"] == [image], "ids that the run does not have are not kept"
    assert (told.model, told.run_id) == ("toy", "0123456789abcdef")
    assert asking.get("/api/thing", params={"subject": subject}).json()["state"] == "confirmed"


def test_the_queue_moves_on_and_undo_brings_back(client: Callable[..., Any]) -> None:
    asking = client(tile_share=0)
    queue = asking.get("/api/queue").json()
    assert queue["left"] == 12
    subject = queue["next"][0]["subject"]
    decide(asking, subject=subject, status="rejected")
    after = asking.get("/api/queue").json()
    assert after["left"] == 11
    assert subject not in {entry["subject"] for entry in after["next"]}
    undone = asking.post("/api/undo", json={"reviewer": "Aygun"}, headers=WRITES).json()["undone"]
    assert undone["subject"] == subject
    assert asking.get("/api/queue").json() == queue
    assert asking.post("/api/undo", json={"reviewer": "Aygun"}, headers=WRITES).json() == {"undone": None}


def test_a_drawn_item_has_place_size_and_class(client: Callable[..., Any], run: Path) -> None:
    asking = client()
    x, y = ORIGIN[0] + 6, ORIGIN[1] - 6
    ring = [[x, y], [x + 0.4, y], [x + 0.4, y + 0.2], [x, y + 0.2]]
    told = decide(asking, kind="missed", status="missed_item", label="at_mine", ring=ring).json()
    drawn = asking.get("/api/items", params=BOX).json()["drawn"]
    assert [(d["class"], d["state"]) for d in drawn] == [("at_mine", "confirmed")]
    with ReviewStore(run, read_only=True) as store:
        opinion = store.decisions()[0].opinion
    assert opinion.size_m == pytest.approx(0.4, abs=1e-6)
    assert (opinion.place.x, opinion.place.y) == pytest.approx((x + 0.2, y + 0.1))
    second = decide(asking, kind="missed", status="rejected", subject=told["subject"], reviewer="Olena", blind_round=1)
    assert second.status_code == 200
    assert asking.get("/api/thing", params={"subject": told["subject"]}).json()["state"] == "disputed"
    for wrong in ([[x, y], [x + 1, y + 1], [x + 1, y], [x, y + 1]], [[0, 0], [1, 0], [1, 1]]):
        refused = decide(asking, kind="missed", status="missed_item", label="at_mine", ring=wrong)
        assert refused.status_code == 422


def test_a_tile_is_reviewed_when_its_sightings_are_judged(client: Callable[..., Any]) -> None:
    asking = client(tile_share=1.0)
    tiles = [e["subject"] for e in asking.get("/api/queue").json()["next"] if e["kind"] == "tile"]
    assert tiles
    things = {tile: asking.get("/api/thing", params={"subject": tile}).json() for tile in tiles}
    tile = next(name for name, thing in things.items() if thing["items"])
    refused = decide(asking, kind="tile", status="tile_reviewed", subject=tile)
    assert refused.status_code == 422
    assert "not judged" in refused.json()["error"]
    for item in things[tile]["items"]:
        decide(asking, subject=item["subject"])
    assert decide(asking, kind="tile", status="tile_reviewed", subject=tile).status_code == 200
    progress = asking.get("/api/progress").json()
    assert progress["tiles_reviewed"] == 1
    assert {s["name"]: s["reviewed"] for s in progress["strata"]} == {"sighted": 1, "empty": 0} or len(tiles) == 1
    unknown = decide(asking, kind="tile", status="tile_reviewed", subject="tile-10-E0-N0")
    assert unknown.status_code == 422


def test_a_blind_reviewer_sees_nothing_of_the_others(client: Callable[..., Any]) -> None:
    asking = client(tile_share=0)
    subjects = [row[0] for row in asking.get("/api/items", params=BOX).json()["items"]]
    for subject in subjects[:3]:
        decide(asking, subject=subject, status="rejected", note="a tin")
    blind = {"reviewer": "Olena", "blind_round": 1}
    queue = asking.get("/api/queue", params=blind).json()
    assert {entry["subject"] for entry in queue["next"]} == set(subjects[:3])
    told = asking.get("/api/thing", params={"subject": subjects[0], **blind})
    assert "a tin" not in told.text
    assert told.json()["state"] == "open"
    assert {row[6] for row in asking.get("/api/items", params={**BOX, **blind}).json()["items"]} == {"open"}
    decide(asking, subject=subjects[0], status="rejected", **blind)
    progress = asking.get("/api/progress", params=blind).json()
    assert [progress[name] for name in ("judged", "confirmed", "rejected", "disputed")] == [1, 0, 1, 0]
    hidden = progress["agreement"]
    assert (hidden["pairs"], hidden["hidden"], hidden["kappa"], hidden["agreed"]) == (1, True, None, None)
    decide(asking, subject=subjects[1], status="confirmed", **blind)
    decide(asking, subject=subjects[2], status="rejected", **blind)
    shown = asking.get("/api/progress", params=blind).json()["agreement"]
    assert (shown["pairs"], shown["hidden"], shown["agreed"]) == (3, False, 2)
    assert asking.get("/api/queue", params={"mode": "disputed"}).json()["next"][0]["subject"] == subjects[1]


def test_tiles_and_chips_are_pictures(client: Callable[..., Any]) -> None:
    asking = client()
    near = [image for image in asking.get("/api/images").json() if not image["far"]]
    for image in near:
        z = len(image["resolutions"]) - 1
        tile = asking.get(f"/tiles/{image['id']}/{z}/2/2")
        assert tile.headers["content-type"] == "image/jpeg"
        assert decoded(tile.content).shape[:2] == (image["tile_px"], image["tile_px"])
        assert asking.get(f"/tiles/{image['id']}/{z}/900/0").status_code == 404
    thing = asking.get("/api/thing", params={"subject": first(asking)}).json()
    for scale in range(3):
        chip = asking.get(f"/chips/{thing['sightings'][0]['id']}/{scale}")
        assert chip.status_code == 200
        assert max(decoded(chip.content).shape[:2]) <= 360
    assert asking.get(f"/chips/{thing['sightings'][0]['id']}/3").status_code == 404
    ground = asking.get("/api/run").json()["disturbance"]
    painted = asking.get(f"/disturbance/{len(ground['resolutions']) - 1}/0/0")
    assert decoded(painted.content)[45:47, 45:48, 3].all()


def test_both_sightings_of_an_item_are_shown(client: Callable[..., Any]) -> None:
    asking = client()
    things = [
        asking.get("/api/thing", params={"subject": row[0]}).json()
        for row in asking.get("/api/items", params=BOX).json()["items"]
    ]
    assert sorted(len(t["sightings"]) for t in things) == [1] * 10 + [2, 2]
    both = next(t for t in things if len(t["sightings"]) == 2)
    assert {s["image"] for s in both["sightings"]} == {"a.tif", "b.tif"}


def test_a_rerun_finds_the_decisions_again(client: Callable[..., Any], run: Path) -> None:
    subject = first(client())
    decide(client(), subject=subject)
    assert client().get("/api/thing", params={"subject": subject}).json()["state"] == "confirmed"
    with ReviewStore(run, read_only=True) as store:
        assert standing(store.decisions())[subject].verdict == 1
        assert agreement(store.decisions()).pairs == 0


def test_the_draw_is_recorded_once(client: Callable[..., Any], run: Path) -> None:
    for _ in range(2):
        client(tile_share=0.5, seed=3)
    with ReviewStore(run, read_only=True) as store:
        draws = store.draws()
    assert [(d.seed, d.stratum) for d in draws] == [(3, "empty"), (3, "sighted")]


def test_moved_imagery_is_found_by_name(run: Path, images: list[Path], tmp_path: Path) -> None:
    text = (run / "run.json").read_text()
    (run / "run.json").write_text(text.replace(str(images[0]), "/gone/a.tif"))
    material = load_material(run)
    assert len(material.images) == 1
    assert "/gone/a.tif" in material.not_there[0]
    assert len(load_material(run, images=[images[0].parent]).images) == 2
    (run / "run.json").write_text(text.replace(str(images[0].parent), "/gone"))
    with pytest.raises(InputError, match="--images"):
        load_material(run)


def test_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished run"):
        load_material(tmp_path)


def test_a_chip_shows_the_place_of_its_sighting(client: Callable[..., Any], run: Path) -> None:
    import rasterio

    asking = client()
    found = load_material(run).found
    n = int(np.flatnonzero(found.image_ids == load_material(run).images[1].image_id)[0])
    chip = decoded(asking.get(f"/chips/{found.ids[n]}/0").content)
    with rasterio.open(load_material(run).images[1].path) as dataset:
        row, col = int(found.image_row[n]), int(found.image_col[n])
        expected = dataset.read()[:, row, col]
    middle = chip[chip.shape[0] // 2, chip.shape[1] // 2, :3]
    assert np.abs(middle.astype(int) - expected).max() < 40
