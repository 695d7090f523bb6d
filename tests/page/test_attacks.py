"""What must not work: reading files, foreign pages, oversized and malformed requests, injection, unasked writing."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from survey.page.guard import COOKIE, MOST_BODY
from survey.review import FILE, ReviewStore, standing
from tests.page.conftest import HOST, PORT, WRITES
from tests.page.rasters import write_image
from tests.review.runs import write_run

Client = Callable[..., Any]
Attacked = tuple[Any, Path]
DECISION = {"kind": "sighting", "status": "confirmed", "reviewer": "Aygun"}


def kept(run: Path) -> int:
    """Return how many decisions stand."""
    with ReviewStore(run, read_only=True) as store:
        return len(standing(store.decisions()))


def subject_of(client: Any) -> str:
    box = {"west": 0, "south": 0, "east": 1e6, "north": 1e7, "resolution": 0.02}
    subject: str = client.get("/api/items", params=box).json()["items"][0][0]
    return subject


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/%2e%2e/cli/app.py",
        "/static/%2fetc%2fpasswd",
        "/static/....//app.py",
        "/static/index.html%00.js",
        "/tiles/..%2f..%2fetc/0/0/0",
        "/tiles/%2fetc%2fpasswd/0/0/0",
        "/tiles/a.tif/0/0/0",
        "/chips/..%2f..%2fx/0",
        "/api/layers/..%2f..%2frun.json",
        "/api/words/..%2fen",
        "/api/words/en.toml",
        "/products/detections.gpkg",
        "/review.sqlite",
        "/run.json",
        "//etc/passwd",
        "/docs",
        "/openapi.json",
        "/api/run/../../../../etc/passwd",
    ],
)
def test_no_file_is_reached_by_a_path(attacked: Attacked, path: str) -> None:
    asking, _ = attacked
    answer = asking.get(path)
    assert answer.status_code in {404, 405, 422}
    assert b"root:" not in answer.content
    assert b"import" not in answer.content


@pytest.mark.parametrize("address", ["file:///etc/passwd", "http://127.0.0.1:1/x", "/vsicurl/http://127.0.0.1:1/x"])
def test_no_address_is_taken(attacked: Attacked, address: str) -> None:
    asking, _ = attacked
    for name in ("url", "path", "file", "src"):
        assert asking.get("/api/run", params={name: address}).json() == asking.get("/api/run").json()
        assert asking.get("/tiles/0/0/0/0", params={name: address}).status_code == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "127.0.0.1", "127.0.0.1:80", "localhost.evil:8765", ""]
)
def test_another_host_name_is_refused(attacked: Attacked, host: str) -> None:
    asking, run = attacked
    for path in ("/", "/api/run", "/static/main.js"):
        assert asking.get(path, headers={"host": host}).status_code in {400, 421}
    answer = asking.post("/api/decisions", json={**DECISION, "subject": "x"}, headers={**WRITES, "host": host})
    assert answer.status_code in {400, 421}
    assert kept(run) == 0


@pytest.mark.parametrize("host", [f"localhost:{PORT}", f"LOCALHOST:{PORT}", f"[::1]:{PORT}", HOST])
def test_the_names_of_this_computer_are_answered(attacked: Attacked, host: str) -> None:
    asking, _ = attacked
    assert asking.get("/api/run", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", f"https://{HOST}", "http://127.0.0.1:1", "http://localhost", ""]
)
def test_another_origin_is_refused(attacked: Attacked, origin: str) -> None:
    asking, run = attacked
    body = {**DECISION, "subject": subject_of(asking)}
    assert asking.post("/api/decisions", json=body, headers={**WRITES, "origin": origin}).status_code == 403
    assert asking.get("/api/run", headers={"origin": origin}).status_code == 403
    assert kept(run) == 0


def test_a_foreign_page_can_neither_read_nor_write(attacked: Attacked) -> None:
    asking, run = attacked
    body = json.dumps({**DECISION, "subject": subject_of(asking)})
    own = {"origin": f"http://{HOST}"}
    # what a form or an image of another page can send
    for headers in (
        {**own, "content-type": "text/plain", "x-survey-review": "1"},
        {**own, "content-type": "application/x-www-form-urlencoded", "x-survey-review": "1"},
        {**own, "content-type": "application/json"},
        {**WRITES, "content-type": "application/json", "sec-fetch-site": "cross-site"},
        {**WRITES, "content-type": "application/json", "sec-fetch-site": "same-site"},
    ):
        assert asking.post("/api/decisions", content=body, headers=headers).status_code in {403, 415}
    assert asking.get("/api/run", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    asked_first = asking.options("/api/decisions", headers={**own, "access-control-request-method": "POST"})
    assert asked_first.status_code == 405
    assert not [name for name in asking.get("/api/run").headers if name.startswith("access-control")]
    assert kept(run) == 0


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "HEAD", "PROPFIND"])
def test_other_methods_are_refused(attacked: Attacked, method: str) -> None:
    asking, _ = attacked
    assert asking.request(method, "/api/decisions", headers=WRITES).status_code == 405


def test_oversized_bodies_are_refused_unread(attacked: Attacked) -> None:
    asking, run = attacked
    headers = {**WRITES, "content-type": "application/json"}
    long = json.dumps({**DECISION, "subject": subject_of(asking), "note": "x" * MOST_BODY})
    assert asking.post("/api/decisions", content=long, headers=headers).status_code == 413

    sent = 0

    def endless() -> Any:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b"x" * 8192

    assert asking.post("/api/decisions", content=endless(), headers=headers).status_code == 413
    lying = {**headers, "content-length": "-5"}
    assert asking.post("/api/decisions", content=b"{}", headers=lying).status_code == 413
    assert kept(run) == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"text"',
        b"[" * 30_000,
        b'{"kind": "sighting"}',
        b'{"kind": "sighting", "status": "confirmed", "subject": "x", "reviewer": "A", "seen": {"resolution_m": NaN}}',
        b'{"kind": "missed", "status": "missed_item", "label": "ap_mine", "reviewer": "A", "ring": [[1e999,0]]}',
        b'{"kind": "missed", "status": "missed_item", "label": "ap_mine", "reviewer": "A", "ring": [[NaN,0]]}',
    ],
)
def test_malformed_bodies_are_refused(attacked: Attacked, body: bytes) -> None:
    asking, run = attacked
    headers = {**WRITES, "content-type": "application/json"}
    for path in ("/api/decisions", "/api/undo"):
        assert asking.post(path, content=body, headers=headers).status_code in {400, 422}
    assert kept(run) == 0


@pytest.mark.parametrize(
    "part",
    [
        {"status": "safe"},
        {"status": "taken_back"},
        {"status": "tile_reviewed"},
        {"kind": "hectare"},
        {"subject": "no-such"},
        {"subject": "x" * 201},
        {"label": "no_class"},
        {"reviewer": ""},
        {"reviewer": "   "},
        {"reviewer": "a\u0000b"},
        {"reviewer": "x" * 101},
        {"note": "x" * 4001},
        {"blind_round": -1},
        {"blind_round": 10**30},
        {"decided_at": "2000-01-01"},
        {"uid": "0" * 32},
        {"place": {"x": 0}},
        {"seen": {"images": ["x"] * 101}},
        {"seen": {"other": 1}},
        {"ring": [[0, 0]] * 201},
    ],
)
def test_what_does_not_fit_is_refused(attacked: Attacked, part: dict[str, Any]) -> None:
    asking, run = attacked
    body = {**DECISION, "subject": subject_of(asking), **part}
    assert asking.post("/api/decisions", json=body, headers=WRITES).status_code == 422
    assert kept(run) == 0


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "x", ""])
def test_bounds_are_finite_numbers(attacked: Attacked, value: str) -> None:
    asking, _ = attacked
    box = {"west": value, "south": 0, "east": 1, "north": 1, "resolution": 1}
    for path in ("/api/items", "/api/layers/hectares"):
        assert asking.get(path, params=box).status_code == 422
    assert asking.get("/api/items", params={**box, "west": 0, "resolution": 0}).status_code == 422


INJECTION = [
    "'; DROP TABLE decisions; --",
    '" OR 1=1 --',
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "{{7*7}}${7*7}",
    "=HYPERLINK(1)",
]


@pytest.mark.parametrize("text", INJECTION)
def test_texts_are_kept_as_texts(attacked: Attacked, text: str) -> None:
    asking, run = attacked
    subject = subject_of(asking)
    body = {**DECISION, "subject": subject, "note": text, "reviewer": text}
    assert asking.post("/api/decisions", json=body, headers=WRITES).status_code == 200
    told = asking.get("/api/thing", params={"subject": subject, "reviewer": text})
    assert told.headers["content-type"] == "application/json"
    assert told.json()["decisions"][-1]["note"] == text
    assert asking.get("/api/thing", params={"subject": text}).status_code == 422
    assert asking.post("/api/undo", json={"reviewer": text}, headers=WRITES).json()["undone"]["note"] == text
    database = sqlite3.connect(run / FILE)
    assert database.execute("SELECT note FROM decisions ORDER BY id DESC LIMIT 1 OFFSET 1").fetchone() == (text,)
    database.close()


def test_names_of_files_are_texts_too(tmp_path: Path, client: Client, run: Path) -> None:
    name = "<img src=x onerror=alert(1)>.tif"
    hostile = write_run(tmp_path / "hostile", [write_image(tmp_path / name)])
    shutil.rmtree(run)
    hostile.rename(run)
    told = client().get("/api/images")
    assert told.json()[0]["file"] == name
    assert told.headers["content-type"] == "application/json"
    assert told.headers["x-content-type-options"] == "nosniff"


def test_reading_only_means_reading_only(client: Client, run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    asking = client(read_only=True)
    body = {**DECISION, "subject": subject_of(asking)}
    for path, content in (("/api/decisions", body), ("/api/undo", {"reviewer": "Aygun"})):
        assert asking.post(path, json=content, headers=WRITES).status_code == 403
    assert asking.get("/api/queue").status_code == asking.get("/api/progress").status_code == 200
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()} == before


def test_nothing_is_shown_without_the_token(client: Client, run: Path) -> None:
    asking = client(token=True)
    token = asking.address.split("token=")[1]
    assert len(token) >= 32
    for path in ("/", "/?token=", "/?token=" + token[:-1], "/static/main.js", "/api/run", f"/api/run?token={token}"):
        assert asking.get(path).status_code == 401, path
    for headers in ({"authorization": "Bearer x"}, {"cookie": f"{COOKIE}=x"}, {"cookie": "\\bad;="}):
        assert asking.get("/api/run", headers=headers).status_code == 401
    assert asking.post("/api/undo", json={"reviewer": "A"}, headers=WRITES).status_code == 401
    assert asking.get("/api/run", headers={"authorization": f"Bearer {token}"}).status_code == 200
    entered = asking.get(f"/?token={token}")
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert "HttpOnly; SameSite=Strict" in entered.headers["set-cookie"]
    assert asking.get("/api/run").status_code == 200, "the cookie is the token from here on"


def test_other_computers_need_a_token_always(client: Client) -> None:
    for host in ("192.0.2.7", "survey.example", "::"):
        asking = client(host=host, names=("survey.example",), token=False)
        assert "?token=" in asking.address
        assert asking.get("/api/run", headers={"host": f"survey.example:{PORT}"}).status_code == 401
        assert asking.get("/api/run", headers={"host": HOST}).status_code == 421
    for host in ("127.0.0.1", "localhost", "::1"):
        assert "token" not in client(host=host).address


def test_every_answer_keeps_the_page_to_itself(attacked: Attacked) -> None:
    asking, _ = attacked
    for path in ("/", "/static/main.js", "/api/run", "/nothing", "/tiles/0/0/0/0"):
        headers = asking.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "no-referrer"
    assert asking.get("/api/run").headers["cache-control"] == "no-store"
