"""Locks on files that end with the process that holds them, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from survey.errors import ResumeError
from survey.files import OWNER_FILE, make_folder


@contextmanager
def locked(path: Path, *, shared: bool = False, wait: bool = False) -> Iterator[None]:
    """Hold a lock on `path`, which is made and stays: removing a lock file would let two in.

    Args:
        path: The lock file.
        shared: Let others in that also ask for a shared lock.
        wait: Wait for the lock instead of giving up.

    Raises:
        ResumeError: Another process holds the lock, or the file system has no locks.
    """
    make_folder(path.parent)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, OWNER_FILE)
    try:
        _take(handle, path, mode=(fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(handle)


def _take(handle: int, path: Path, *, mode: int) -> None:
    """Lock an open file."""
    try:
        fcntl.flock(handle, mode)
    except BlockingIOError as error:
        msg = f"{path.parent.parent}: another process works in this folder; wait for it or use another --out"
        raise ResumeError(msg) from error
    except OSError as error:
        msg = f"{path}: cannot be locked ({error.strerror}); put --out on a file system with locks"
        raise ResumeError(msg) from error
