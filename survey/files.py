"""Files that are either whole or absent, and readable only by their owner."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from survey.errors import OutputError

OWNER_FILE = 0o600
OWNER_FOLDER = 0o700
"""Hazard coordinates are personal safety data: nobody else may read them unless the owner says so."""


def make_folder(path: Path) -> Path:
    """Create a folder (and its parents) that only its owner can enter; keep an existing one as it is.

    Raises:
        OutputError: There can be no such folder.
    """
    try:
        for missing in reversed([folder for folder in (path, *path.parents) if not folder.exists()]):
            missing.mkdir(mode=OWNER_FOLDER, exist_ok=True)  # with parents=True only the last would get the mode
    except OSError as error:
        msg = f"{path}: the folder cannot be made ({error.strerror}); name one where you may write"
        raise OutputError(msg) from error
    return path


def temporary_beside(path: Path, *, purpose: str = "") -> Path:
    """Return a name for a temporary file beside `path`: hidden, its own, and known to the sweep of a run's folder.

    It keeps the suffix, by which GDAL picks drivers. Chance, not the process id, makes it its own: two machines
    that share a file system have the same ids.
    """
    return path.with_name(f".{path.stem}.{secrets.token_hex(8)}.tmp{purpose}{path.suffix}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success make it durable and rename it into place.

    On an error the temporary file is removed and `path` stays as it was.
    """
    temporary = temporary_beside(path)
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
    """Write a whole file atomically; nobody but its owner can read it at any moment."""
    with replacing(path) as temporary:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_FILE)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)


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
