from pathlib import Path

import pytest

from survey.errors import InputError
from survey.ingest import expand_inputs


@pytest.fixture
def flight(tmp_path: Path) -> Path:
    for name in (
        "b.tif",
        "a.TIFF",
        "c.vrt",
        "a.TIFF.aux.xml",
        "b.tif.msk",
        "b.tfw",
        "notes.txt",
        "._b.tif",
        "sub/d.tif",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def test_a_folder_gives_its_own_rasters_in_order(flight: Path) -> None:
    assert [p.name for p in expand_inputs([flight])] == ["a.TIFF", "b.tif", "c.vrt"]


def test_globs_take_rasters_only_and_go_below(flight: Path) -> None:
    assert [p.name for p in expand_inputs([f"{flight}/*"])] == ["a.TIFF", "b.tif", "c.vrt"]
    assert [p.name for p in expand_inputs([f"{flight}/b.*"])] == ["b.tif"]
    assert [p.name for p in expand_inputs([f"{flight}/**/*.tif"])] == ["b.tif", "d.tif"]


def test_each_file_comes_once(flight: Path) -> None:
    (flight / "sub" / "link.tif").symlink_to(flight / "b.tif")
    found = expand_inputs([flight / "b.tif", flight, flight / "sub", str(flight / "b*.tif")])
    assert [p.name for p in found] == ["b.tif", "a.TIFF", "c.vrt", "d.tif"]


def test_a_file_named_by_itself_may_have_any_ending_and_odd_letters(flight: Path) -> None:
    odd = flight / "site[1].jp2"
    odd.touch()
    assert expand_inputs([odd]) == [odd]
    assert expand_inputs([flight / "notes.txt"]) == [flight / "notes.txt"]


@pytest.mark.parametrize("pattern", ["*.txt", "notes*", "su*"])
def test_a_glob_that_matches_no_raster_is_an_error_with_the_remedy(flight: Path, pattern: str) -> None:
    with pytest.raises(InputError, match=r"matches no raster \(.tif.*; name files of other endings one by one"):
        expand_inputs([flight / pattern])


@pytest.mark.parametrize("pattern", ["missing.tif", "*.jp2", "empty"])
def test_what_names_nothing_is_an_error_that_names_it(flight: Path, pattern: str) -> None:
    (flight / "empty").mkdir()
    with pytest.raises(InputError, match=pattern.replace("*", r"\*")):
        expand_inputs([flight / "b.tif", flight / pattern])


def test_no_pattern_is_an_error() -> None:
    with pytest.raises(InputError, match="no imagery"):
        expand_inputs([])
