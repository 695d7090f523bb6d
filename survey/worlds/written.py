"""A calibration as it is handed over: numbers as JSON, tables as text, a plot where there is matplotlib."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from survey.export import write_summary
from survey.files import make_folder, write_bytes


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was found, and where it was written."""

    report: dict[str, Any]
    text: str
    files: tuple[str, ...]


def write_calibration(
    out: Path, name: str, *, report: dict[str, Any], text: str, plot: Callable[[Mapping[str, Any]], bytes]
) -> Calibration:
    """Write NAME.json, NAME.txt and, where matplotlib is installed, NAME.png.

    Args:
        out: Folder, made where it is missing.
        name: Of the files.
        report: Plain numbers.
        text: Tables.
        plot: Returns the report as PNG.
    """
    folder = make_folder(out)
    write_summary(folder / f"{name}.json", summary=report)
    write_bytes(folder / f"{name}.txt", text.encode() + b"\n")
    files = [f"{name}.json", f"{name}.txt"]
    if find_spec("matplotlib") is not None:
        write_bytes(folder / f"{name}.png", plot(report))
        files.append(f"{name}.png")
    return Calibration(report, text, tuple(files))
