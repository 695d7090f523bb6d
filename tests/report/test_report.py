"""The report of a finished run: whole, honest, self-contained, the same every time."""

import json
import os
import re
import stat
import time
from collections.abc import Callable
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio

from survey.detect import DEFAULT_MODEL
from survey.errors import ConfigError, InputError, OutputError
from survey.report import ReportOptions, write_report
from survey.report.model import froc_rows
from survey.report.page import SECTIONS
from survey.report.words import Words
from survey.resources import models_folder
from tests.finished import NAMES, Finished

BANNED = re.compile(r"\b(safe|clear|cleared|cancelled|canceled)\b", re.IGNORECASE)


class Reader(HTMLParser):
    """What a browser would see: visible text, elements, and every reference."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.elements, self.references, self.headings = "", set[str](), set[str](), 0
        self._hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.headings += tag == "h2"
        self._hidden = tag == "style"
        self.references |= {str(value) for name, value in attrs if name in {"src", "href", "data", "action"}}

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text += data + " "


@pytest.fixture(scope="module")
def write(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    folder = tmp_path_factory.mktemp("reports")

    def page(run: Path | None = None, **options: object) -> str:
        given = ReportOptions(model=str(finished.model), most_chips=4, **options)  # type: ignore[arg-type]
        (path,) = write_report(run or finished.folder, out=folder / "r.html", options=given)
        return path.read_text(encoding="utf-8")

    return page


@pytest.fixture(scope="module")
def page(write: Callable[..., str]) -> str:
    return write(date="2026-05-31")


def test_every_section_is_there_and_what_is_missing_is_named(page: str) -> None:
    read, w = Reader(page), Words.of("en")
    assert read.headings == len(SECTIONS) + 1
    for key in SECTIONS:
        assert w(key) in read.text
    assert read.text.count("Not provided.") == 4  # evidence, candidates, plan, patterns
    assert w("review.none") in read.text
    assert w("cover.none") in read.text
    assert "2026-05-31" in read.text


def test_the_page_tells_the_figures_of_the_run(page: str, finished: Finished) -> None:
    text = Reader(page).text
    table = pyogrio.read_dataframe(finished.folder / "products" / "detections.gpkg", layer="detections")
    best = table.sort_values(["probability", "score"], ascending=False).iloc[0]
    assert f"{table['item'].nunique()} items from {len(table)} sightings" in text
    assert best["detection_id"] in text
    assert f"{best.geometry.x:.2f}" in text
    assert "2 of 4 blocks could not be searched" in text
    assert "cannot be read" in text
    assert "2026:05:04 09:30:00 (tag of the file)" in text
    assert "Stitch & Co" in text
    assert page.count('class="chip"') == 4
    assert page.count('class="map"') == 4
    for line in (finished.folder / "products" / "MANIFEST.json").read_text().split('"'):
        if re.fullmatch("[0-9a-f]{64}", line):
            assert line in text


def test_nothing_from_a_file_becomes_markup_and_nothing_is_fetched(page: str) -> None:
    read = Reader(page)
    assert NAMES[0] in read.text
    assert not {"script", "img", "iframe", "link", "object", "form"} & read.elements
    outside = {r for r in read.references if not r.startswith(("data:image/", "#"))}
    assert not outside
    assert not re.search(r"url\((?!#)|@import", page)
    assert "default-src 'none'" in page


def test_the_page_releases_no_land(page: str) -> None:
    assert not BANNED.findall(Reader(page).text)


@pytest.mark.parametrize(
    ("language", "title", "forbidden"),
    [
        ("az", "Əlavə", r"\b(təhlükəsiz|təmizlən|ləğv)"),
        ("ru", "Приложение", r"\b(безопас|очищен|разминирован|отмен)"),
        ("uk", "Додаток", r"\b(безпечн|очищен|розмінован|скасов)"),
    ],
)
def test_other_languages_tell_it_whole_and_release_no_land_either(
    write: Callable[..., str], language: str, title: str, forbidden: str
) -> None:
    page = write(language=language)
    text = Reader(page).text
    assert f'<html lang="{language}">' in page
    assert title in text
    assert not re.findall(forbidden, text.lower())
    assert not BANNED.findall(text)
    english = Words.of("en")
    for key in (*SECTIONS, "caution", "limits.1"):
        assert len(english(key)) < 8 or english(key) not in text


def test_the_same_run_gives_the_same_bytes(write: Callable[..., str]) -> None:
    assert write() == write()


def test_without_coordinates_none_are_told(write: Callable[..., str]) -> None:
    with_them, without = (Reader(write(coordinates=told)).text for told in (True, False))
    place = re.compile(r"(?<![0-9a-f])(?:5000\d\d|4400\d\d\d|43999\d\d)(?![0-9a-f])")
    assert len(place.findall(with_them)) > 20
    assert place.findall(without) == []
    assert "EPSG" not in without.replace("output_crs EPSG:32638", "")


def test_imagery_that_changed_is_not_shown_as_what_was_searched(
    finished: Finished, write: Callable[..., str], tmp_path: Path
) -> None:
    import json

    copy = finished.copy(tmp_path)
    record = json.loads((copy.folder / "run.json").read_text())
    record["notes"]["inputs"] = []
    (copy.folder / "run.json").write_text(json.dumps(record))
    page = write(copy.folder)
    assert 'class="chip"' not in page
    text = Reader(page).text
    assert "4 chips cannot be shown" in text
    assert "not where it was" in text
    (copy.folder / "products" / "risk.qml").write_text("other")
    assert "risk.qml: changed since the run" in Reader(write(copy.folder)).text


def test_cover_is_told_where_the_run_knows_it(finished: Finished, write: Callable[..., str], tmp_path: Path) -> None:
    copy = finished.copy(tmp_path)
    path = copy.folder / "products" / "risk.tif"
    with rasterio.open(path) as dataset:
        profile, bands, names = dataset.profile, dataset.read(), dataset.descriptions
    share = np.where(bands[:1] == -9999, bands[:1], 0.25).astype(np.float32)
    profile.update(count=len(names) + 2, driver="GTiff")
    path.unlink()
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(np.concatenate([bands, share, 2 * share]))
        dataset.descriptions = (*names, "cover_canopy", "visibility")
    with rasterio.open(copy.folder / "products" / "disturbance.tif") as dataset:
        profile = {**dataset.profile, "driver": "GTiff"}
    with rasterio.open(copy.folder / "products" / "cover.tif", "w", **profile) as dataset:
        dataset.write(np.full(dataset.shape, 4, np.uint8), 1)
        dataset.write_colormap(1, {4: (63, 125, 78, 255)})
    page = write(copy.folder)
    text = Reader(page).text
    assert "trees, bushes or tall crops 0.2500" in re.sub(r"\s+", " ", text)
    assert "50% of the model's recall is left" in text
    assert "#3f7d4e" in page
    assert page.count('class="map"') == 5
    assert Words.of("en")("cover.none") not in text


def test_implants_are_told_in_every_language(finished: Finished, write: Callable[..., str], tmp_path: Path) -> None:
    copy = finished.copy(tmp_path)
    path = copy.folder / "products" / "summary.json"
    summary = json.loads(path.read_text())
    summary["implants"] |= {
        "laid": 118,
        "found": 29,
        "reference": {"laid": 236, "found": 171, "sites": ["home"]},
        "ratio": {"mean": 0.34, "low": 0.24, "high": 0.46, "below_one": 1.0},
        "recall": {"card": 0.61, "here": 0.21},
    }
    path.write_text(json.dumps(summary))
    text = Reader(write(copy.folder)).text
    assert "29 of 118 found, 171 of 236 on the ground of the recall above" in text
    assert "0.34 (95 % interval 0.24 to 0.46); 0.61 became 0.21" in text
    for language in ("az", "ru", "uk"):
        told = Reader(write(copy.folder, language=language)).text
        assert all(number in told for number in ("118", "236", "0.34", "0.24", "0.46", "0.61", "0.21"))
    summary["implants"] |= {"ratio": None, "reference": None, "recall": None}
    path.write_text(json.dumps(summary))
    assert "29 of 118 found. Not compared" in Reader(write(copy.folder)).text


def test_flights_may_be_stated(write: Callable[..., str], tmp_path: Path) -> None:
    table = tmp_path / "flights.csv"
    table.write_text("image,date,time,sensor,height_m,overlap\nsecond.tif,2026-05-01,10:20,P1 35 mm,80,75/70 %\n")
    text = Reader(write(flights=table)).text
    assert all(word in text for word in ("2026-05-01 10:20", "P1 35 mm", "75/70 %"))
    table.write_text("image,pilot\nsecond.tif,Ann\n")
    with pytest.raises(InputError, match=r"flights\.csv:2: column 'pilot'"):
        write(flights=table)


def test_bad_choices_are_named(finished: Finished, write: Callable[..., str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no date"):
        write(date="yesterday")
    with pytest.raises(InputError, match="no language 'xx'"):
        write(language="xx")
    with pytest.raises(InputError, match=r"--plan .* holds no priority\.json"):
        write(plan=tmp_path)
    with pytest.raises(InputError, match="holds no run"):
        write(tmp_path)


def test_the_report_is_its_owners_and_a_run_with_one_goes_on(finished: Finished, tmp_path: Path) -> None:
    (path,) = write_report(finished.folder, out=tmp_path / "new" / "r.html", options=ReportOptions(most_chips=0))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "recorded" in Reader(path.read_text()).text  # the model is no released one and is not named


def test_the_released_model_has_a_curve() -> None:
    rows = froc_rows((models_folder() / DEFAULT_MODEL / "MODEL_CARD.md").read_text())
    assert all(0 <= float(row[1]) <= 1 for row in rows)
    assert [row[0] for row in rows] == ["0.1", "1", "10", "100", "1000"]
    assert froc_rows("no table") == []


def test_a_pdf_needs_nothing_but_the_page(finished: Finished, tmp_path: Path) -> None:
    try:
        import_module("weasyprint")
    except (ImportError, OSError):
        pytest.skip("the extra [report] or Pango is absent")
    from survey.report.pdf import to_pdf

    options = ReportOptions(most_chips=1, model=str(finished.model))
    (html,) = write_report(finished.folder, out=tmp_path / "r.html", options=options)
    short = re.sub(r"(<tr>.*?</tr>)(<tr>.*?</tr>){20,}", r"\1", html.read_text(), flags=re.DOTALL)
    first = to_pdf(short)
    assert first.startswith(b"%PDF")
    kept = os.environ.get("SOURCE_DATE_EPOCH")
    with pytest.MonkeyPatch.context() as later:
        later.setattr(time, "time", lambda: 2e9)  # what the library that embeds fonts would write into them
        assert first == to_pdf(short)
    assert os.environ.get("SOURCE_DATE_EPOCH") == kept
    with pytest.raises(OutputError, match=r"http://127\.0\.0\.1:9/x\.png"):
        to_pdf('<img src="http://127.0.0.1:9/x.png">')
