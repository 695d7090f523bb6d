"""`survey export`: a folder to hand over, from a finished run and what was made from it."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from survey.config import load_config
from survey.deliver.geometry import Checked, checked
from survey.deliver.gis import write_gis
from survey.deliver.imsma import Provenance, write_imsma
from survey.deliver.items import ground_of, items_of
from survey.deliver.mapping import ImsmaConfig
from survey.deliver.redaction import Redacted, Redaction, redact, redacted_summary
from survey.deliver.report import CAUTION, report_of, told
from survey.deliver.stac import write_stac
from survey.deliver.tables import Finished, Table, read_finished
from survey.deliver.tablets import write_gpx, write_kmz
from survey.deliver.vectors import has_parquet, write_flatgeobuf, write_geoparquet
from survey.errors import ConfigError, OutputError
from survey.export import MANIFEST, write_manifest, write_summary
from survey.files import make_folder, temporary_beside, write_bytes
from survey.rounds.current import run_of

FORMATS = ("gis", "imsma", "flatgeobuf", "tablets", "parquet", "stac")
REPORT = "export.json"
EXIT_SET_ASIDE = 3


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export gave."""

    folder: Path
    report: dict[str, Any]
    lines: tuple[str, ...]
    """The same for people."""
    exit_code: int
    """0, or 3 if features were set aside for their geometry."""


def export_run(  # noqa: PLR0913 - the public entry point
    run: Path,
    *,
    out: Path | None = None,
    formats: Sequence[str] = (),
    extras: Sequence[Path] = (),
    redaction: Redaction | None = None,
    mapping: Path | None = None,
    flown: str | None = None,
    number: int | None = None,
) -> Exported:
    """Check geometries, redact, and write every wanted format into one folder that can move.

    The same products and arguments give the same bytes.

    Args:
        run: Folder of a finished run, of one of its rounds, or with products of the same names.
        out: New or empty folder, or an earlier export, which is then replaced; `export` inside the run if None.
        formats: Of `FORMATS`; all that can be written if empty.
        extras: Folders that patterns, prioritise, candidates or evidence wrote.
        redaction: What does not leave.
        mapping: YAML as configs/imsma.yaml.
        flown: Day of the flights, or first/last day; the STAC item needs it.
        number: Of the round; 0 is the run before any, None the latest.

    Raises:
        ConfigError: Formats, days or the mapping do not fit, or a format cannot be written.
        InputError: The run is not finished, or a file of it cannot be read.
        OutputError: The folder holds something else.
    """
    redaction = redaction or Redaction()
    wanted, left_out = _wanted(formats, flown=flown, redaction=redaction)
    days = _days(flown)
    config = load_config(ImsmaConfig, mapping)
    finished = read_finished(run, extras=extras, number=number)
    folder = out if out is not None else run_of(run) / ("export-redacted" if redaction.anything else "export")
    _refuse_foreign(folder, finished)
    results = [checked(table) for table in finished.tables]
    cleaned = redact([r.table for r in results], redaction, names=_source_names(finished))
    make_folder(folder.parent)
    building = make_folder(temporary_beside(folder))
    try:
        job = _Job(building, finished, cleaned, redaction, config, days)
        left_out += job.write(wanted, results)
        report = report_of(finished, results, cleaned, redaction, left_out=left_out, formats=wanted)
        write_summary(building / REPORT, summary=report)
        if "stac" in wanted and days is not None:
            write_stac(building, cleaned.tables, run_id=finished.run_id, flown=days)
        write_manifest(building, run_id=finished.run_id, inputs=finished.inputs, model={}, notes=[CAUTION])
        if folder.exists():
            shutil.rmtree(folder)
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    set_aside = any(f.outcome == "set aside" for r in results for f in r.failures)
    return Exported(folder, report, told(report, folder, redaction), EXIT_SET_ASIDE if set_aside else 0)


@dataclass(frozen=True, slots=True)
class _Job:
    folder: Path
    finished: Finished
    cleaned: Redacted
    redaction: Redaction
    config: ImsmaConfig
    days: tuple[str, str] | None

    def write(self, wanted: Sequence[str], results: Sequence[Checked]) -> list[str]:
        """Write the formats but STAC; return what was left out."""
        tables, left_out = self.cleaned.tables, list[str]()
        derived = self._derived()
        if "gis" in wanted:
            changed = frozenset(f"{r.table.folder}/{r.table.file}" for r in results if r.changed)
            left_out += write_gis(self.folder, self.finished, tables, changed=changed, redaction=self.redaction)
        if "imsma" in wanted:
            places = self.redaction.place != "withhold"
            error_m = self.redaction.error_m if self.redaction.place == "coarsen" else 0.0
            day = self.days[1] if self.days else ""
            origin = Provenance(self.finished.run_id, day, places=places, error_m=error_m)
            rows = [*tables, *derived] if places else list(derived)
            write_imsma(self.folder / "imsma", rows, config=self.config, origin=origin)
        if "flatgeobuf" in wanted:
            write_flatgeobuf(self.folder / "flatgeobuf", [*tables, *derived])
        if "tablets" in wanted:
            make_folder(self.folder / "tablets")
            left_out += write_kmz(self.folder / "tablets" / "survey.kmz", [*derived, *tables])
            write_gpx(self.folder / "tablets" / "survey.gpx", [*derived, *tables])
        if "parquet" in wanted:
            write_geoparquet(self.folder / "geoparquet", [*tables, *derived])
        if self.redaction.place == "withhold":
            table = pd.DataFrame(dict(derived[0].columns)).drop(columns="position_error_m")
            write_bytes(self.folder / "items.csv", table.to_csv(index=False, lineterminator="\n").encode())
        if self.redaction.anything:
            summary = redacted_summary(self.finished.summary, self.cleaned, self.redaction)
        else:
            summary = dict(self.finished.summary)
        write_summary(self.folder / "summary.json", summary=summary)
        return left_out

    def _derived(self) -> list[Table]:
        """Return a row for each item, and for each kind of disturbed ground where places may leave."""
        detections = next(t for t in self.cleaned.tables if t.name == "detections" and not t.folder)
        found, raster = [items_of(detections)], self.finished.products / "disturbance.tif"
        if self.redaction.place == "keep" and raster.is_file():
            found.append(ground_of(raster, crs=detections.crs, least_m2=self.config.least_ground_m2))
        return found


def _wanted(formats: Sequence[str], *, flown: str | None, redaction: Redaction) -> tuple[tuple[str, ...], list[str]]:
    """Return the formats to write, and why others are not."""
    for name in formats:
        if name not in FORMATS:
            msg = f"--format {name}: give {', '.join(FORMATS)}"
            raise ConfigError(msg)
    left_out = []
    wanted = [name for name in FORMATS if name in formats or not formats]
    cannot = {}
    if flown is None:
        cannot["stac"] = "a STAC item needs the day of the flights; give --flown YYYY-MM-DD"
    if not has_parquet():
        cannot["parquet"] = "GeoParquet needs pyarrow; pip install 'survey[gis]'"
    if redaction.place == "withhold":
        cannot |= dict.fromkeys(("gis", "flatgeobuf", "tablets", "parquet", "stac"), "without places there is no map")
    for name, why in cannot.items():
        if name in formats:
            msg = f"--format {name}: {why}"
            raise ConfigError(msg)
        if name in wanted:
            wanted.remove(name)
            left_out.append(f"{name}: {why}")
    return tuple(wanted), left_out


def _days(flown: str | None) -> tuple[str, str] | None:
    """Return first and last day."""
    if flown is None:
        return None
    first, _, last = flown.partition("/")
    try:
        days = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError as error:
        msg = f"--flown {flown}: expected a day such as 2026-05-01, or first/last day"
        raise ConfigError(msg) from error
    if days[0] > days[1]:
        msg = f"--flown {flown}: the first day comes after the last"
        raise ConfigError(msg)
    return days[0].isoformat(), days[1].isoformat()


def _source_names(finished: Finished) -> list[str]:
    """Return the names of source files that summary and layers have."""
    names = {str(image.get("name", "")) for image in finished.summary.get("images", ())}
    for table in finished.tables:
        names |= {str(name) for name in table.columns.get("image", ())}
    return sorted(names - {""})


def _refuse_foreign(folder: Path, finished: Finished) -> None:
    """Refuse to replace anything but an earlier export as it was written."""
    if any(folder.resolve() == taken.resolve() for taken in (finished.products, *finished.extras.values())):
        msg = f"{folder}: holds what is exported; name another folder as --out"
        raise OutputError(msg)
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        listed = set(json.loads((folder / MANIFEST).read_bytes())["products"]) | {MANIFEST}
        known = REPORT in listed
    except (OSError, ValueError, KeyError, TypeError):
        listed, known = set(), False
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    if not known or present - listed:
        foreign = min(present - listed, default="no export")
        msg = f"{folder}: holds {foreign}, which no export wrote; name a new or empty folder as --out"
        raise OutputError(msg)
