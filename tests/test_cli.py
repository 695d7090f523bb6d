import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from survey import cli
from survey.config import RunConfig
from survey.engine import Shard
from survey.errors import InputError
from survey.progress import Progress


@dataclass
class _Result:
    exit_code: int


@dataclass
class _Image:
    path: Path
    flown_ha: float

    def __str__(self) -> str:
        return f"{self.path} in words"


class _Pipeline(ModuleType):
    """Stands in for the pipeline; records what the command line hands over."""

    def __init__(self) -> None:
        super().__init__("survey.pipeline")
        self.given: dict[str, object] = {}
        self.failure: BaseException | None = None
        self.exit_code = 0

    def run(self, images: list[str], out: Path, *, progress: Progress, **given: object) -> _Result:
        self.given = {"images": images, "out": out, **given}
        if self.failure:
            raise self.failure
        progress.warning("told")
        return _Result(self.exit_code)

    def describe(self, images: list[str], **given: object) -> list[_Image]:
        self.given = {"images": images, **given}
        if self.failure:
            raise self.failure
        return [_Image(Path("a.tif"), float("nan"))]


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> _Pipeline:
    module = _Pipeline()
    monkeypatch.setitem(sys.modules, "survey.pipeline", module)
    monkeypatch.setattr("survey.pipeline", module, raising=False)
    return module


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def _status(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_run_hands_everything_over(pipeline: _Pipeline, tmp_path: Path) -> None:
    mine = tmp_path / "my.yaml"
    mine.write_text("version: 1\ncore_px: 512\n")
    status = _status(
        *("run", "a.tif", "b/*.tif", "--out", "o", "--config", str(mine), "--set", "workers=2", "--set", "threads=1"),
        *("--aoi", "aoi.gpkg", "--model", "mine", "--no-resume", "--shard", "1/3"),
    )
    config = pipeline.given["config"]
    assert status == 0
    assert isinstance(config, RunConfig)
    assert (config.core_px, config.workers, config.threads, config.model) == (512, 2, 1, "mine")
    assert (pipeline.given["images"], pipeline.given["out"]) == (["a.tif", "b/*.tif"], Path("o"))
    assert (pipeline.given["aoi"], pipeline.given["resume"]) == (Path("aoi.gpkg"), False)
    assert pipeline.given["shard"] == Shard(1, 3)


def test_defaults_resume_and_search_everything(pipeline: _Pipeline) -> None:
    assert _status("run", "a.tif", "--out", "o") == 0
    assert (pipeline.given["resume"], pipeline.given["shard"], pipeline.given["aoi"]) == (True, None, None)


def test_unsearched_blocks_show_in_the_exit_status(pipeline: _Pipeline) -> None:
    pipeline.exit_code = 3
    assert _status("run", "a.tif", "--out", "o") == 3


@pytest.mark.parametrize(
    ("failure", "status", "line"),
    [
        (InputError("a.tif: no CRS;\nassign one"), 2, "survey: error: a.tif: no CRS; assign one\n"),
        (ZeroDivisionError("oh"), 1, "survey: error: bug: ZeroDivisionError: oh; run again with --debug"),
        (
            PermissionError(13, "Permission denied", "o"),
            2,
            "survey: error: o: Permission denied; name a place that you may read and write, or",
        ),
        (KeyboardInterrupt(), 130, "survey: interrupted; the same command again goes on"),
    ],
)
def test_failures_are_one_line_and_an_exit_status(
    pipeline: _Pipeline, capsys: pytest.CaptureFixture[str], failure: BaseException, status: int, line: str
) -> None:
    pipeline.failure = failure
    assert _status("run", "a.tif", "--out", "o") == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(line)
    assert err.count("\n") == 1


@pytest.mark.parametrize("place", [0, 2, 4])
def test_debug_shows_the_traceback_wherever_it_stands(pipeline: _Pipeline, place: int) -> None:
    pipeline.failure = InputError("no CRS")
    arguments = ["run", "a.tif", "--out", "o"]
    arguments.insert(place, "--debug")
    with pytest.raises(InputError):
        cli.main(arguments)


def test_json_tells_events_and_errors_on_standard_output(
    pipeline: _Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _status("run", "a.tif", "--out", "o", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"event": "warning", "message": "told"}
    pipeline.failure = InputError("no CRS")
    assert _status("run", "a.tif", "--out", "o", "--json") == 2
    assert json.loads(capsys.readouterr().out) == {"event": "error", "message": "no CRS"}


@pytest.mark.parametrize("command", [("run", "a.tif", "--out", "o"), ("info", "a.tif")])
@pytest.mark.parametrize(
    ("failure", "status", "message"),
    [
        (InputError("a.tif: no CRS;\nassign one"), 2, "a.tif: no CRS; assign one"),
        (ZeroDivisionError("oh"), 1, "bug: ZeroDivisionError: oh; run again with --debug"),
        (OSError(28, "No space left on device", "o/x"), 2, "o/x: No space left on device; make room and"),
        (KeyboardInterrupt(), 130, "interrupted; the same command again"),
    ],
)
def test_json_has_an_error_event_for_every_failure(
    pipeline: _Pipeline,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    failure: BaseException,
    status: int,
    message: str,
) -> None:
    pipeline.failure = failure
    assert _status(*command, "--json") == status
    (line,) = capsys.readouterr().out.splitlines()
    event = json.loads(line)
    assert event["event"] == "error"
    assert event["message"].startswith(message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "cor_px=1"), "--set cor_px=1: unknown key"),
        (("--config", "none.yaml"), "none.yaml: cannot be read"),
        (("--shart", "1"), "No such option: --shart"),
    ],
)
def test_json_tells_of_bad_arguments_too(arguments: tuple[str, ...], message: str) -> None:
    command = [
        sys.executable,
        "-c",
        "from survey.cli import main; main()",
        "run",
        "a.tif",
        "--out",
        "o",
        "--json",
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    event = json.loads(done.stdout)
    assert event["event"] == "error"
    assert event["message"].startswith(message)


def test_info_takes_what_run_takes(pipeline: _Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--set", "core_px=512", "--model", "mine", "--aoi", "aoi.gpkg")
    assert _status("info", "a.tif", *options) == 0
    config = pipeline.given["config"]
    assert isinstance(config, RunConfig)
    assert (config.core_px, config.model, pipeline.given["aoi"]) == (512, "mine", Path("aoi.gpkg"))
    assert capsys.readouterr().out == "a.tif in words\n"
    assert _status("info", "a.tif", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"event": "image", "path": "a.tif", "flown_ha": None}


def test_what_a_command_writes_is_its_owners(pipeline: _Pipeline, tmp_path: Path) -> None:
    assert _status("run", "a.tif", "--out", "o") == 0
    (tmp_path / "by-some-library").touch()
    assert (tmp_path / "by-some-library").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("run", "a.tif", "--out", "o", "--shart", "1/2"), "No such option: --shart"),
        (("run", "a.tif"), "Missing option '--out'"),
        (("rum",), "No such command 'rum'"),
        (("run", "a.tif", "--out", "o", "--set", "cor_px=1"), "--set cor_px=1: unknown key – did you mean 'core_px'?"),
        (("run", "a.tif", "--out", "o", "--shard", "3/3"), "--shard 3/3: "),
    ],
)
def test_bad_arguments_are_one_line(
    pipeline: _Pipeline, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], line: str
) -> None:
    assert _status(*arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"survey: error: {line}")
    assert err.count("\n") == 1
    assert not pipeline.given


@pytest.mark.parametrize(
    "arguments", [(), ("--help",), ("run", "--help"), ("train", "--help"), ("calibrate-risk", "--help")]
)
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    heavy = ("torch", "rasterio", "numpy", "geopandas", "ray", "cv2")
    code = (
        "import sys; from survey.cli import main\n"
        "try: main(sys.argv[1:])\n"
        f"except SystemExit as end: print(end.code, [m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert "Usage: survey" in done.stdout
    assert done.stdout.splitlines()[-1] == "0 []"
