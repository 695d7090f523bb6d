"""Files that are either whole or absent, and readable only by their owner."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OWNER_FILE = 0o600
OWNER_FOLDER = 0o700
"""Hazard coordinates are personal safety data: nobody else may read them unless the owner says so."""


def make_folder(path: Path) -> Path:
    """Create a folder (and its parents) that only its owner can enter; keep an existing one as it is."""
    for missing in reversed([folder for folder in (path, *path.parents) if not folder.exists()]):
        missing.mkdir(mode=OWNER_FOLDER, exist_ok=True)  # with parents=True only the last would get the mode
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success make it durable and rename it into place.

    The temporary name keeps the suffix (GDAL picks drivers by it) and the process id (two writers
    never share one). On an error the temporary file is removed and `path` stays as it was.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        temporary.chmod(OWNER_FILE)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def sha256_of(*paths: Path) -> str:
    """Return the hex SHA-256 over the contents of the files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as handle:
            while chunk := handle.read(1 << 22):
                digest.update(chunk)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; a no-op where folders cannot be opened (Windows)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
