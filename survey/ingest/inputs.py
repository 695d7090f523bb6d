"""From what the user names to files: paths, folders and globs."""

import glob
from collections.abc import Sequence
from pathlib import Path

from survey.errors import InputError

SUFFIXES = (".tif", ".tiff", ".vrt")
"""What is taken from a folder or a glob. A file named by itself may have any ending."""


def expand_inputs(patterns: Sequence[str | Path]) -> list[Path]:
    """Return the files that the patterns name, each once, in sorted order within a pattern.

    Args:
        patterns: Files, folders (their rasters, not those of folders below) or globs (their rasters; `**` goes
            below).

    Raises:
        InputError: A pattern names nothing, or nothing that it names is a raster.
    """
    found: dict[Path, Path] = {}
    for pattern in patterns:
        for path in _matches(pattern):
            found.setdefault(path.resolve(), path)
    if not found:
        msg = "no imagery is named; give files, folders or globs"
        raise InputError(msg)
    return list(found.values())


def _matches(pattern: str | Path) -> list[Path]:
    path = Path(pattern)
    if path.is_file():
        return [path]
    if path.is_dir():
        # Hidden files are other programs' scraps: half-written copies, macOS's "._" twins.
        visible = (p for p in path.iterdir() if not p.name.startswith("."))
        inside = sorted(p for p in visible if p.suffix.lower() in SUFFIXES and p.is_file())
        if not inside:
            msg = f"{path}: the folder holds no raster ({', '.join(SUFFIXES)})"
            raise InputError(msg)
        return inside
    matching = sorted(Path(name) for name in glob.glob(str(pattern), recursive=True))  # noqa: PTH207 - absolute globs
    if not matching:
        msg = f"{pattern}: no such file, folder or match; check the spelling and the working folder"
        raise InputError(msg)
    rasters = [p for p in matching if p.suffix.lower() in SUFFIXES and p.is_file()]
    if not rasters:
        msg = f"{pattern}: matches no raster ({', '.join(SUFFIXES)}); name files of other endings one by one"
        raise InputError(msg)
    return rasters
