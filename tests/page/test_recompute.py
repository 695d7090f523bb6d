"""The risk is computed anew from the page: by whom it may be, what is shown then, and what is said when it fails."""

import threading
from pathlib import Path
from typing import Any

import pytest

from survey.errors import InputError
from survey.locales import LANGUAGES, load_catalogue
from survey.page.recompute import Recomputing, State
from survey.review import ReviewStore
from survey.rounds import RoundResult, compute_round, rounds_of
from tests.page.conftest import WRITES, Client

BOX = {"west": 499_000, "south": 4_399_000, "east": 501_000, "north": 4_401_000, "resolution": 1.0}


def hectares(asking: Any) -> list[dict[str, Any]]:
    return [feature["properties"] for feature in asking.get("/api/layers/hectares", params=BOX).json()["features"]]


def computed(asking: Any) -> dict[str, Any]:
    """Have a round computed and return what is told of it in the end."""
    started = asking.post("/api/round", json={}, headers=WRITES)
    assert started.status_code == 200
    assert started.json()["state"] in {"running", "done", "failed"}  # it may have ended before the answer was made
    for _ in range(2000):
        told: dict[str, Any] = asking.get("/api/round").json()
        if told["state"] != "running":
            return told
    msg = "never done"
    raise AssertionError(msg)


def confirm_one(asking: Any) -> None:
    (first, *_) = asking.get("/api/queue").json()["next"]
    body = {"kind": first["kind"], "status": "confirmed", "subject": first["subject"], "reviewer": "Aygun"}
    assert asking.post("/api/decisions", json=body, headers=WRITES).status_code == 200


def test_a_round_is_that_of_the_command_and_its_hectares_are_shown(client: Client, run: Path) -> None:
    asking = client()
    assert asking.get("/api/run").json()["owner"] is True
    before = hectares(asking)
    assert asking.get("/api/round").json()["shown"] is None
    assert all("p_remaining" not in row for row in before)
    confirm_one(asking)
    told = computed(asking)
    assert (told["state"], told["shown"], told["written"], told["error"]) == ("done", "001", True, "")
    (written,) = rounds_of(run)
    assert told["summary"]["remaining_items"] == written.summary["remaining_items"]
    assert told["summary"]["hectares_changed"] == written.summary["change"]["hectares"] > 0
    after = hectares(asking)
    assert max(row["p_at_least_one"] for row in after) == 1  # a confirmed item is certain
    assert sum(row["remaining_items"] for row in after) == pytest.approx(written.summary["remaining_items"], abs=0.01)
    assert compute_round(run).written is False  # the command has the same inputs
    again = computed(asking)
    assert (again["state"], again["shown"], again["written"]) == ("done", "001", False)
    # Whoever opens the review later sees the latest round.
    assert client().get("/api/round").json()["shown"] == "001"


def test_only_the_owner_computes(client: Client, run: Path) -> None:
    reading = client(read_only=True)
    assert reading.get("/api/run").json()["owner"] is False
    assert reading.post("/api/round", json={}, headers=WRITES).status_code == 403
    assert rounds_of(run) == ()
    bare = client()
    assert bare.post("/api/round", json={}).status_code == 403  # without the page's header
    assert bare.post("/api/round", json={}, headers=WRITES | {"origin": "http://evil.example"}).status_code == 403
    assert rounds_of(run) == ()


def test_who_comes_from_another_computer_judges_and_does_not_start_work_on_this_one(client: Client, run: Path) -> None:
    asking = client(host="192.0.2.1")
    token = asking.address.partition("token=")[2]
    there = {"host": "192.0.2.1:8765", "authorization": f"Bearer {token}"}
    assert asking.get("/api/run", headers=there).json()["owner"] is False
    answer = asking.post("/api/round", json={}, headers=WRITES | there | {"origin": "http://192.0.2.1:8765"})
    assert answer.status_code == 403
    assert "survey risk" in answer.json()["error"]
    assert rounds_of(run) == ()


def test_a_failure_is_told_and_can_be_tried_again(client: Client, run: Path) -> None:
    asking = client()
    basis = run / "products" / "basis.npz"
    kept = basis.read_bytes()
    basis.unlink()
    told = computed(asking)
    assert told["state"] == "failed"
    assert "basis.npz" in told["error"]
    assert told["shown"] is None
    basis.write_bytes(kept)
    assert computed(asking)["state"] == "done"


def test_one_round_is_computed_at_a_time_and_a_bug_does_not_look_like_work(run: Path) -> None:
    may_go, calls = threading.Event(), []

    def slow(_: Path) -> RoundResult:
        calls.append(1)
        may_go.wait(30)
        msg = "no"
        raise InputError(msg)

    one = Recomputing.of(run, crs="EPSG:32638")
    one.compute = slow
    assert one.start(crs="EPSG:32638").state is State.RUNNING
    assert one.start(crs="EPSG:32638").state is State.RUNNING
    may_go.set()
    one.wait()
    assert (calls, one.told.state, one.told.error) == ([1], State.FAILED, "no")


def test_recall_and_false_alarms_of_the_site_have_intervals(client: Client, run: Path) -> None:
    asking = client(tile_share=1.0)
    assert asking.get("/api/progress").json()["recall"]["value"] is None
    with ReviewStore(run) as store:
        tiles = [name for draw in store.draws() for name in draw.tiles]
    for subject, tile in _subjects(asking, tiles).items():
        status = "rejected" if tile == tiles[-1] else "confirmed"
        body = {"kind": "sighting", "status": status, "subject": subject, "reviewer": "Aygun"}
        assert asking.post("/api/decisions", json=body, headers=WRITES).status_code == 200
    for tile in tiles:
        body = {"kind": "tile", "status": "tile_reviewed", "subject": tile, "reviewer": "Aygun"}
        assert asking.post("/api/decisions", json=body, headers=WRITES).status_code == 200
    told = asking.get("/api/progress").json()
    recall, alarms = told["recall"], told["false_alarms_per_ha"]
    assert recall["value"] == 1  # nothing was drawn as missed, and the interval knows how few were looked at
    assert 0 < recall["low"] < 0.95 < recall["high"] <= 1
    assert 0 <= alarms["low"] < alarms["value"] < alarms["high"]


def _subjects(asking: Any, tiles: list[str]) -> dict[str, str]:
    """Return the tile of each sighting in some tiles."""
    return {
        item["subject"]: tile
        for tile in tiles
        for item in asking.get("/api/thing", params={"subject": tile}).json()["items"]
    }


def test_every_language_has_the_words() -> None:
    keys = {key for key in load_catalogue("en").texts if key.startswith("round.")}
    assert keys == {f"round.{name}" for name in ("compute", "shown", "none", "running", "failed", "done", "same")}
    for language in LANGUAGES:
        assert not {key for key in load_catalogue(language).missing if key.startswith("round.")}
