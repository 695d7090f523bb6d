"""A run under review, and its server asked without a network."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from rasterio.transform import Affine

from tests.page.rasters import write_image
from tests.review.runs import write_run

fastapi = pytest.importorskip("fastapi", reason="the extra [review] is not installed")

PORT = 8765
HOST = f"127.0.0.1:{PORT}"
WRITES = {"x-survey-review": "1", "origin": f"http://{HOST}"}
Client = Callable[..., Any]


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two overlapping images, one handed on and one encoded."""
    folder = tmp_path_factory.mktemp("imagery")
    shifted = Affine(0.01, 0, 500_045.0, 0, -0.01, 4_400_057.0)
    return [
        write_image(folder / "a.tif", layout="cog", hole=(300, 400)),
        write_image(folder / "b.tif", layout="deflate", transform=shifted),
    ]


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, images: list[Path]) -> Path:
    """A finished run of 12 items, two of them seen on both images; not to be changed."""
    return write_run(tmp_path_factory.mktemp("written") / "run", images)


@pytest.fixture
def run(tmp_path: Path, written: Path) -> Path:
    """A copy of the finished run."""
    return Path(shutil.copytree(written, tmp_path / "run"))


@contextmanager
def reviewing(run: Path) -> Iterator[Client]:
    """Yield a function that opens a client of a run's review behind its guard, with settings of one's own."""
    from fastapi.testclient import TestClient

    from survey.page.serve import ReviewSettings, _served, guarded

    with ExitStack() as held:

        def opened(**settings: Any) -> Any:
            chosen = ReviewSettings(**settings)
            served, _ = _served(run, chosen, held)
            app, address = guarded(served, chosen, PORT)
            asking = TestClient(app, base_url=f"http://{HOST}", follow_redirects=False)
            asking.address = address
            held.callback(asking.close)
            return asking

        yield opened


@pytest.fixture
def client(run: Path) -> Iterator[Client]:
    """Open clients of the review of `run`."""
    with reviewing(run) as opened:
        yield opened


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory, written: Path) -> Iterator[tuple[Any, Path]]:
    """A client that a module's tests share, and its run: for what leaves no trace."""
    run = Path(shutil.copytree(written, tmp_path_factory.mktemp("attacked") / "run"))
    with reviewing(run) as opened:
        yield opened(), run
