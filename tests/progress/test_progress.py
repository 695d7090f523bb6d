import io
import json
import sys
from pathlib import Path

import pytest

from survey.progress import (
    JsonProgress,
    LogProgress,
    Progress,
    SilentProgress,
    TerminalProgress,
    choose_progress,
)

SUMMARY = {
    "area_ha": {"flown": 3.5, "searched": 3.0},
    "detections": {"items": 2, "sightings": 3},
    "blocks": {"not_searched": 1, "reasons": ["a.tif [0:4]: truncated"]},
}


def _tell(progress: Progress) -> None:
    with progress:
        progress.start(run_id="abc", images=1, blocks=4, finished=1, area_ha=3.0)
        progress.warning("no alpha band")
        progress.block(image="a.tif", block=1, area_ha=1.0, detections=2)
        progress.unread(image="a.tif", block=2, reason="a.tif [0:4]: truncated")
        progress.block(image="a.tif", block=3, area_ha=2.0, detections=0)
        progress.phase("writing products")
        progress.product(Path("out/risk.tif"))
        progress.done(SUMMARY)


def test_json_events_are_one_object_a_line() -> None:
    stream = io.StringIO()
    progress = JsonProgress(stream)
    _tell(progress)
    progress.error("broken")
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [e["event"] for e in events] == [
        *("start", "warning", "block", "unread", "block", "phase", "product", "done", "error"),
    ]
    assert events[0] == {"event": "start", "run_id": "abc", "images": 1, "blocks": 4, "finished": 1, "area_ha": 3.0}
    assert events[3]["reason"] == "a.tif [0:4]: truncated"
    assert events[5]["text"] == "writing products"
    assert events[7]["summary"] == SUMMARY


def test_json_events_stay_json_whatever_the_numbers() -> None:
    stream = io.StringIO()
    JsonProgress(stream).done({"risk": float("nan"), "rows": [1.0, float("-inf")], "path": Path("a.tif")})
    text = stream.getvalue()
    summary = json.loads(text, parse_constant=pytest.fail)["summary"]
    assert summary == {"risk": None, "rows": [1.0, None], "path": "a.tif"}


def test_log_lines_come_seldom_but_tell_every_unread_block_and_the_end() -> None:
    stream = io.StringIO()
    times = iter([0.0, 0.0, 2.0, 3.0])
    _tell(LogProgress(stream, clock=lambda: next(times)))
    lines = stream.getvalue().splitlines()
    assert lines == [
        "survey: run abc: 1 images, 4 blocks, 1 searched before, 3.00 ha to search",
        "survey: warning: no alpha band",
        "survey: not searched: a.tif block 2: a.tif [0:4]: truncated",
        "survey: 4/4 blocks, 3.00 ha of 3.00 ha, 3600.0 ha/h, 0:00:00 left",
        "survey: writing products",
        "survey: wrote out/risk.tif",
        "survey: done: 3.50 ha flown, 3.00 ha searched; 2 candidate items in 3 sightings",
        "survey: 1 block could not be searched: a.tif [0:4]: truncated",
    ]


def test_log_lines_come_again_after_ten_seconds() -> None:
    stream = io.StringIO()
    times = iter([0.0, 0.0, 9.0, 10.0, 19.0])
    progress = LogProgress(stream, clock=lambda: next(times))
    progress.start(run_id="abc", images=1, blocks=100, finished=0, area_ha=100.0)
    for n in range(3):
        progress.block(image="a.tif", block=n, area_ha=1.0, detections=0)
    assert stream.getvalue().splitlines()[1:] == [
        "survey: 2/100 blocks, 2.00 ha of 100.00 ha, 720.0 ha/h, 0:08:10 left"
    ]


def test_a_terminal_shows_messages_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    _tell(TerminalProgress())
    out, err = capsys.readouterr()
    assert out == ""
    assert "not searched: a.tif block 2: a.tif [0:4]: truncated" in err
    assert "wrote out/risk.tif" in err
    assert "4/4 blocks" in err
    assert "writing products" in err
    assert "done: 3.50 ha flown, 3.00 ha searched" in err
    assert "1 block could not be searched: a.tif [0:4]: truncated" in err


def test_silence_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    _tell(SilentProgress())
    assert capsys.readouterr() == ("", "")


def test_the_choice_follows_the_flag_and_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(choose_progress(json_events=True), JsonProgress)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    assert isinstance(choose_progress(), LogProgress)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert isinstance(choose_progress(), TerminalProgress)
