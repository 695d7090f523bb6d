"""The one place where a run keeps times: `timing.json`. Products, receipts and `run.json` hold none."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from survey.engine.lock import locked
from survey.files import write_bytes


@dataclass(frozen=True, slots=True)
class Session:
    """One process's stay in a run folder."""

    began: str
    """UTC, ISO 8601."""
    seconds: float
    blocks: int
    """Blocks that this session searched."""
    area_ha: float
    shard: str | None = None
    redone: Mapping[str, str] = field(default_factory=dict)
    """Blocks that had a receipt and were done again: key and why."""


def record_session(folder: Path, session: Session) -> Path:
    """Add a session to the run's `timing.json` and return its path."""
    path = folder / "timing.json"
    with locked(folder / "locks" / "timing.lock", wait=True):
        sessions = json.loads(path.read_text(encoding="utf-8"))["sessions"] if path.is_file() else []
        content = {"version": 1, "sessions": [*sessions, asdict(session)]}
        write_bytes(path, (json.dumps(content, indent=2) + "\n").encode())
    return path
