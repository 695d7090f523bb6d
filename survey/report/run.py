"""`survey report`: one page on a finished run, and the same as PDF."""

import csv
from collections.abc import Mapping
from datetime import date as calendar_day
from pathlib import Path

from survey.errors import ConfigError, InputError
from survey.files import make_folder, write_bytes
from survey.provenance.finished import open_finished
from survey.report.made import check_folders
from survey.report.page import render
from survey.report.pdf import to_pdf
from survey.report.subject import ReportOptions, Subject
from survey.report.words import Words

REPORT = "report.html"
FLIGHT_COLUMNS = ("image", "date", "time", "sensor", "height_m", "overlap")


def write_report(
    run: Path, *, out: Path | None = None, pdf: bool = False, options: ReportOptions | None = None
) -> tuple[Path, ...]:
    """Write the report of a finished run. The same run, folders and options give the same bytes.

    Args:
        run: Folder of the run, or of one of its rounds.
        out: HTML file; `report.html` in the run's folder if None.
        pdf: Also write a PDF beside it.
        options: What else to tell, and how.

    Returns:
        The files that were written.

    Raises:
        ConfigError: A date or a language does not fit.
        InputError: The run is not finished, or a folder is not what it is given for.
        OutputError: A PDF cannot be made.
    """
    given = options if options is not None else ReportOptions()
    _check_date(given.date)
    flights = read_flights(given.flights) if given.flights is not None else {}
    finished = open_finished(run, given.number)
    subject = Subject(finished, given, Words.of(given.language), flights)
    check_folders(subject)
    path = out if out is not None else finished.folder / REPORT
    html = render(subject)
    written = {path: html.encode()}
    if pdf:
        written[path.with_suffix(".pdf")] = to_pdf(html)
    make_folder(path.absolute().parent)
    for name, content in written.items():
        write_bytes(name, content)
    return tuple(written)


def read_flights(path: Path) -> dict[str, Mapping[str, str]]:
    """Return what a table says of each image, by the image's file name.

    Raises:
        InputError: The table cannot be read, or lacks or repeats an image.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [{str(k): str(v or "").strip() for k, v in row.items()} for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        remedy = f"give one with the columns {', '.join(FLIGHT_COLUMNS)}"
        msg = f"{path}: cannot be read as a CSV of flights ({error}); {remedy}"
        raise InputError(msg) from error
    found: dict[str, Mapping[str, str]] = {}
    for line, row in enumerate(rows, start=2):
        if unknown := sorted(set(row) - set(FLIGHT_COLUMNS)):
            msg = f"{path}:{line}: column {unknown[0]!r} is not known; the columns are {', '.join(FLIGHT_COLUMNS)}"
            raise InputError(msg)
        name = row.get("image", "")
        if not name or name in found:
            msg = f"{path}:{line}: image {name!r} is missing or named twice; give each image one row"
            raise InputError(msg)
        found[name] = row
    return found


def _check_date(date: str | None) -> None:
    if date is None:
        return
    try:
        calendar_day.fromisoformat(date)
    except ValueError as error:
        msg = f"--date {date}: is no date; write it as 2026-05-31"
        raise ConfigError(msg) from error
