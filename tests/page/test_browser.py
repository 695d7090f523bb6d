"""The page in a real browser against a real server: judge, draw, undo, reload, kill the server and come back."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from survey.review import Kind, ReviewStore, Status, standing
from tests.page.rasters import write_image
from tests.review.runs import write_run

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--disable-gpu", "--no-sandbox"]
PICTURES = os.environ.get("SURVEY_SCREENSHOTS")
"""Folder to keep pictures of the page in, for people to look at."""
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser at {CHROMIUM}; install Debian's package chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def served(run: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `survey review` and yield the process and the address that it printed."""
    command = [sys.executable, "-c", "from survey.cli import main; main()", "review", str(run), *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        address = None
        while address is None and (line := process.stderr.readline()):
            match = re.search(r"http://\S+", line)
            address = match[0] if match else None
        assert address is not None, "the server ended before it told its address"
        yield process, address
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


class Page:
    """A page of the review, with what a reviewer does."""

    def __init__(self, browser: Any, address: str, *, name: str = "Aygün") -> None:
        self.address = address
        self.context = browser.new_context(viewport={"width": 1280, "height": 800})
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.goto(address)
        self.ready()
        if self.page.locator("#who").is_visible():
            self.page.fill("#who-name", name)
            self.page.keyboard.press("Enter")
            self.wait("!document.getElementById('who').open")

    def ready(self) -> None:
        self.page.wait_for_selector("body[data-ready=yes]", timeout=60_000)

    def press(self, key: str, path: str | None = None) -> None:
        """Press a key when nothing else is going on; with a path, wait for the answer from there."""
        self.idle()
        if path is None:
            self.page.keyboard.press(key)
            return
        with self.page.expect_response(lambda answer: path in answer.url, timeout=60_000):
            self.page.keyboard.press(key)

    def idle(self) -> None:
        """Wait until the page has been idle for a while: work that an event has only queued would swallow a key."""
        quiet = 0
        while quiet < 4:
            quiet = 0 if self.page.evaluate("document.body.dataset.busy === 'yes'") else quiet + 1
            self.page.wait_for_timeout(75)

    def title(self) -> str:
        return str(self.page.locator("#thing-title").inner_text())

    def judged(self) -> str:
        return str(self.page.locator("#progress td").nth(1).inner_text())

    def wait(self, condition: str) -> None:
        """Wait until an expression is true; playwright's own way is eval, which the page's policy forbids."""
        for _ in range(600):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(100)
        msg = f"never true: {condition}"
        raise AssertionError(msg)

    def picture(self, name: str) -> None:
        if PICTURES:
            self.page.wait_for_timeout(1500)
            self.page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))


def judged_is(text: str) -> str:
    return f"document.querySelectorAll('#progress td')[1].innerText === {json.dumps(text)}"


def stored(run: Path) -> list[Any]:
    with ReviewStore(run, read_only=True) as store:
        return [d.opinion for d in store.decisions()]


def test_judge_draw_undo_reload_kill_and_come_back(chromium: Any, run: Path) -> None:
    with served(run, "--port", "0", "--tiles", "0") as (process, address):
        review = Page(chromium, address)
        port = address.rsplit(":", 1)[1].strip("/")
        review.press("c", "/api/thing")
        review.wait(judged_is("1 / 12"))
        review.press("r", "/api/thing")
        review.wait(judged_is("2 / 12"))
        review.picture("judging")
        review.press("z", "/api/undo")
        review.wait(judged_is("1 / 12"))
        assert [o.status for o in stored(run)] == [Status.CONFIRMED, Status.REJECTED, Status.TAKEN_BACK]

        review.press("l")
        review.press("2", "/api/decisions")
        review.wait(judged_is("2 / 12"))
        assert (stored(run)[-1].status, stored(run)[-1].label) == (Status.RELABELLED, "at_mine")
        assert stored(run)[-1].seen["images"]

        review.press("d")
        box = review.page.locator("#map").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        review.page.mouse.click(x - 60, y - 40)
        review.page.mouse.move(x + 10, y + 10)
        review.page.mouse.click(x + 60, y + 40)
        review.wait("!document.getElementById('classes').hidden")
        review.picture("drawing")
        review.press("1", "/api/decisions")
        drawn = next(o for o in stored(run) if o.kind is Kind.MISSED)
        assert (drawn.status, drawn.label) == (Status.MISSED_ITEM, "ap_mine")
        resolution = review.page.evaluate("window.review.map.map.getView().getResolution()")
        assert drawn.size_m == pytest.approx(120 * resolution, rel=0.05)

        before = len(stored(run))
        review.page.reload()
        review.ready()
        review.wait(judged_is("2 / 12"))
        assert review.page.input_value("#reviewer") == "Aygün"

        process.send_signal(signal.SIGKILL)
        process.wait()
        review.press("c")
        review.wait(
            "!document.getElementById('notice').hidden && document.getElementById('notice').className === 'bad'"
        )
        assert len(stored(run)) == before
        with served(run, "--port", port, "--tiles", "0"):
            review.press("c", "/api/thing")
            review.wait(judged_is("3 / 12"))
        assert len(stored(run)) == before + 1
        assert not [url for url in review.requests if not url.startswith((address, "data:", "blob:"))]
        assert not [error for error in review.errors if "ERR_CONNECTION_REFUSED" not in error]


def test_a_second_reviewer_judges_blind_and_kappa_is_shown(chromium: Any, run: Path) -> None:
    with served(run, "--port", "0", "--tiles", "0") as (_, address):
        first = Page(chromium, address)
        for n, key in enumerate("crc", 1):
            first.press(key, "/api/thing")
            first.wait(judged_is(f"{n} / 12"))
        second = Page(chromium, address, name="Olena")
        second.page.select_option("#mode", "blind")
        second.wait("document.getElementById('thing-state').innerText === 'not judged'")
        assert second.page.locator("#history li").count() == 0
        kappa = "[...document.querySelectorAll('#progress td')].at(-1).innerText"
        for key in "rrr":
            second.press(key, "/api/queue")
            second.page.wait_for_timeout(300)
        second.wait(f"{kappa}.includes('of 3')")
        second.picture("second-opinion")
        assert "Nothing left" in second.title()
    with ReviewStore(run, read_only=True) as store:
        assert sum(t.disputed for t in standing(store.decisions()).values()) >= 1


def test_a_tile_is_looked_at_and_languages_change(chromium: Any, run: Path) -> None:
    with served(run, "--port", "0") as (_, address):
        review = Page(chromium, address)
        for _ in range(12):
            if review.title() == "Tile drawn by chance":
                break
            review.press("n", "/api/thing")
            review.page.wait_for_timeout(150)
        assert review.title() == "Tile drawn by chance"
        review.picture("tile")
        review.press("u", "/api/decisions")
        assert any(o.kind is Kind.TILE for o in stored(run))
        for language, words in {"az": "Təsdiqlə", "ru": "Подтвердить", "uk": "Підтвердити"}.items():
            review.page.select_option("#language", language)
            review.wait(f"document.body.innerText.includes({json.dumps(words)})")
            review.press("w")
            review.picture(f"language-{language}")
        assert not review.errors


def test_the_risk_is_computed_anew_and_its_hectares_are_shown(chromium: Any, run: Path) -> None:
    with served(run, "--port", "0", "--tiles", "0") as (_, address):
        review = Page(chromium, address)
        review.press("c", "/api/thing")
        review.wait(judged_is("1 / 12"))
        review.page.click("#compute-round")
        review.wait("document.getElementById('round').dataset.state === 'done'")
        assert "Hectares shown: round 001" in review.page.locator("#round").inner_text()
        assert "items expected to remain" in review.page.locator("#round").inner_text()
        review.wait(
            "window.review.map.vectors.hectares.getSource().getFeatures().some((one) => one.get('p_remaining') === 1)"
        )
        review.page.locator("#round").scroll_into_view_if_needed()
        review.picture("round")
        review.page.select_option("#language", "uk")
        review.wait("document.getElementById('round').innerText.includes('Перерахувати ризик')")
        review.page.select_option("#mode", "blind")
        review.wait("document.getElementById('round').innerText === ''")
        assert review.errors == []
    assert (run / "rounds" / "001" / "MANIFEST.json").is_file()


def test_reading_only_and_the_token(chromium: Any, run: Path) -> None:
    with served(run, "--port", "0", "--read-only", "--token") as (_, address):
        outside = chromium.new_context().new_page()
        answer = outside.goto(address.split("?", maxsplit=1)[0])
        assert answer.status == 401
        review = Page(chromium, address)
        assert "token" not in review.page.url
        review.wait("[...document.querySelectorAll('#verdicts button')].every((one) => one.disabled)")
        assert review.page.locator("#compute-round").count() == 0
        review.press("c")
        review.page.wait_for_timeout(300)
    assert stored(run) == []


def test_hostile_names_are_shown_as_text(chromium: Any, tmp_path: Path) -> None:
    name = "<img src=x onerror=document.title='hit'>.tif"
    run = write_run(tmp_path / "run", [write_image(tmp_path / name)])
    with served(run, "--port", "0", "--tiles", "0") as (_, address):
        review = Page(chromium, address, name="<b>A</b>")
        review.page.fill("#note", "<script>document.title='hit'</script>")
        review.page.keyboard.press("Escape")
        review.press("c", "/api/thing")
        review.wait(judged_is("1 / 12"))
        review.press("p", "/api/thing")
        review.wait("document.querySelectorAll('#history li').length === 1")
        assert "<script>" in review.page.locator("#history").inner_text()
        assert name in review.page.locator("#chips").inner_text()
        assert review.page.title() == "Review of candidates"
        assert review.page.locator("#history b, #chips .file img").count() == 0
        assert not review.errors


def test_many_images_without_overviews_are_seen_from_afar(chromium: Any, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [write_image(tmp_path / "a.tif", layout="deflate", rows=9000, cols=9000)])
    with served(run, "--port", "0", "--tiles", "0") as (_, address):
        review = Page(chromium, address)
        review.wait("window.review.map.images.some((image) => image.far)")
        review.press("w")
        review.wait("[...window.review.map.imageLayers.keys()].some((id) => id.endsWith('-far'))")
        review.picture("afar")
        assert (run / "review-cache").is_dir()
        assert not review.errors
    shutil.rmtree(run / "review-cache")
