"""A run's folder: made once, resumed by the same run only, worked in by one process (or many shares)."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from survey.engine.identity import RunIdentity
from survey.engine.lock import locked
from survey.engine.shard import Shard
from survey.engine.store import JobStore
from survey.errors import InputError, ResumeError
from survey.files import make_folder, write_bytes

_BLOCK_FILE = re.compile(r"[0-9a-f]{64}\.(npz|json)")
REVIEW_FILES = frozenset({"review.sqlite", "review.sqlite-wal", "review.sqlite-shm", "review-cache"})
"""Decisions of reviewers lie in the run's folder and are nothing that a run writes or removes."""
_TEMPORARY = re.compile(r"\.(?P<stem>.+)\.[0-9a-f]+\.tmp(\..*|-.*)?")
"""As `survey.files.temporary_beside` names them, with what a library may hang on (`-journal`, `.ovr`)."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What `open_run` needs to know of a run."""

    identity: RunIdentity
    products: tuple[str, ...]
    """Every file that the run will write, as relative paths with '/', in the order of writing."""
    notes: dict[str, Any] = field(default_factory=dict)
    """Kept in `run.json` for people; decides nothing: paths, speed settings."""

    def __post_init__(self) -> None:
        for name in self.products:
            if not _is_inside(name):
                msg = f"{name}: a product lies inside the run folder"
                raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run folder that this process may work in."""

    folder: Path
    run_id: str
    resumed: bool
    """Whether the folder held this run before."""
    store: JobStore
    shard: Shard | None

    @contextmanager
    def products_lock(self) -> Iterator[None]:
        """Wait until no other share writes products, and keep others from it while the context lasts.

        Shares that end together all find the run finished; they shall write its products one after the other.
        """
        with locked(self.folder / "locks" / "products.lock", wait=True):
            yield


@contextmanager
def open_run(folder: Path, plan: RunPlan, *, resume: bool = True, shard: Shard | None = None) -> Iterator[OpenRun]:
    """Make or take up a run's folder, and keep others out while the context lasts.

    Args:
        folder: Absent, empty, or the folder of the same run.
        plan: The run.
        resume: False starts over: what the run in the folder wrote is removed, and nothing else.
        shard: A share of the work; shares of one run work in one folder at the same time.

    Raises:
        OutputError: There can be no such folder.
        ResumeError: The folder holds another run or foreign files, or another process works in it.
    """
    if shard is not None and not resume:
        msg = f"{folder}: --shard shares the folder with other processes; start over once without --shard"
        raise ResumeError(msg)
    _refuse_foreign(folder)
    make_folder(folder)
    with ExitStack() as held:
        held.enter_context(locked(folder / "locks" / "run.lock", shared=shard is not None))
        if shard is not None:
            name = f"shard-{shard.index}-of-{shard.count}.lock"
            held.enter_context(locked(folder / "locks" / name))
        with locked(folder / "locks" / "create.lock", wait=True):
            if not resume:
                _remove_run(folder)
            resumed = _take_up(folder, plan)
        if shard is None:
            _remove_temporaries(folder, plan.products)
        yield OpenRun(folder, plan.identity.run_id, resumed, JobStore(folder), shard)


def read_run(folder: Path) -> tuple[RunIdentity, tuple[str, ...], dict[str, Any]]:
    """Return what the `run.json` of a folder says: identity, products (relative paths), notes.

    Raises:
        InputError: The folder holds no run.
        ResumeError: `run.json` is damaged, or its content is not what the run id was made of.
    """
    path = folder / "run.json"
    if not path.is_file():
        msg = f"{folder}: holds no run (there is no run.json); name the folder given as --out to `survey run`"
        raise InputError(msg)
    identity, products = _read(path)
    notes: dict[str, Any] = json.loads(path.read_bytes()).get("notes", {})
    return identity, tuple(products), notes


def _refuse_foreign(folder: Path) -> None:
    """Stop before anything is written into a folder that is not a run's."""
    if not folder.exists():
        return
    if not folder.is_dir():
        msg = f"{folder}: is a file; name a folder as --out"
        raise ResumeError(msg)
    names = {path.name for path in folder.iterdir() if not _TEMPORARY.fullmatch(path.name)}
    names -= {"locks", *REVIEW_FILES}
    if names and "run.json" not in names:
        msg = f"{folder}: holds files but no run ({min(names)} …); use a new or empty folder as --out"
        raise ResumeError(msg)


def _take_up(folder: Path, plan: RunPlan) -> bool:
    """Write `run.json`, or check that the one there is this run's; return whether there was one."""
    path = folder / "run.json"
    if path.exists():
        before, _ = _read(path)
        if before.run_id != plan.identity.run_id:
            differences = before.differences(plan.identity)
            msg = f"{folder}: holds another run ({differences}); use another --out, or --no-resume to start over"
            raise ResumeError(msg)
        return True
    content = {
        "version": 1,
        "run_id": plan.identity.run_id,
        "identity": asdict(plan.identity),
        "products": plan.products,
        "notes": plan.notes,
    }
    write_bytes(path, (json.dumps(content, indent=2) + "\n").encode())
    return False


def _read(path: Path) -> tuple[RunIdentity, list[str]]:
    """Return the identity and the products of a `run.json`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        fields = content["identity"]
        inputs = tuple((str(name), str(sha256)) for name, sha256 in fields["inputs"])
        identity = RunIdentity(**{**fields, "inputs": inputs})
        sound = content["version"] == 1 and identity.run_id == content["run_id"]
        products = [str(name) for name in content["products"] if _is_inside(str(name))]
    except (ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        msg = f"{path}: is damaged or not of this program; use another --out"
        raise ResumeError(msg)
    return identity, products


def _remove_run(folder: Path) -> None:
    """Remove what the run in `folder` wrote: products backwards, so that the manifest goes first."""
    path = folder / "run.json"
    if not path.exists():
        return
    _, products = _read(path)
    for name in reversed(products):
        (folder / name).unlink(missing_ok=True)
    _remove_temporaries(folder, tuple(products))
    for block_file in _block_files(folder):
        block_file.unlink()
    (folder / "timing.json").unlink(missing_ok=True)
    for emptied in [*(folder / "blocks").glob("*"), folder / "blocks", *{(folder / name).parent for name in products}]:
        if emptied != folder and emptied.is_dir() and not any(emptied.iterdir()):
            emptied.rmdir()
    path.unlink()


def _block_files(folder: Path) -> list[Path]:
    """Return the parts and receipts by their names alone."""
    return [path for path in (folder / "blocks").glob("[0-9a-f][0-9a-f]/*") if _BLOCK_FILE.fullmatch(path.name)]


def _remove_temporaries(folder: Path, products: tuple[str, ...]) -> None:
    """Remove half-written files that a killed process left behind."""
    stems = {folder: {"run", "timing"}}
    for name in products:
        stems.setdefault((folder / name).parent, set()).add(PurePosixPath(name).stem)
    for parent, own in stems.items():
        for path in parent.glob(".*"):
            match = _TEMPORARY.fullmatch(path.name)
            if match and match["stem"] in own and path.is_file():
                path.unlink()
    for path in (folder / "blocks").glob("[0-9a-f][0-9a-f]/.*"):
        if _TEMPORARY.fullmatch(path.name):
            path.unlink()


def _is_inside(name: str) -> bool:
    """Tell whether a relative path stays below the folder that it is relative to."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts
