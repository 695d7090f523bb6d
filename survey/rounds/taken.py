"""Which evidence the risk of a run or of a round was computed with, and where that lies."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from survey.errors import InputError
from survey.evidence import StoredPrior
from survey.export import MANIFEST
from survey.files import write_bytes
from survey.rounds.folder import ROUNDS

IN_RUN, IN_ROUND = "evidence/prior.tif", "evidence: prior.tif"
"""What the manifests of a run and of a round call the prior that they took."""


@dataclass(frozen=True, slots=True)
class TakenEvidence:
    """The evidence of a risk: what it was, and where it lay."""

    sha256: str
    """Of its prior.tif."""
    by: Path
    """Folder of the run or round that took it: a round without evidence of its own has that of its run."""
    places: tuple[Path, ...]
    """Where it may lie; none if that was not noted."""

    @classmethod
    def of(cls, folder: Path) -> "TakenEvidence | None":
        """Return the evidence that the risk in a folder was computed with; None if it was computed without any.

        Args:
            folder: Of the risk: `RUN/products`, or `RUN/rounds/NNN`.

        Raises:
            InputError: A manifest or a note is damaged.
        """
        run = folder.parent
        if folder.parent.name == ROUNDS:
            run = folder.parents[1]
            if (own := _object(folder / MANIFEST).get("inputs", {}).get(IN_ROUND)) is not None:
                return cls(str(own), folder, _places(_object(note_file(folder)).get("evidence"), run))
        sha256 = _object(run / "products" / MANIFEST).get("inputs", {}).get(IN_RUN)
        if sha256 is None:
            return None
        return cls(str(sha256), run, _places(_object(run / "run.json").get("notes", {}).get("evidence"), run))

    def stored(self, *, remedy: str) -> StoredPrior:
        """Open the evidence where it lies as it was.

        Args:
            remedy: What to do where it does not, for the message.

        Raises:
            InputError: It is not there, or it was made anew since.
        """
        why = ["it is not known where it lies"] if not self.places else []
        for place in self.places:
            if not place.is_dir():
                why.append(f"{place} is not there")
                continue
            try:
                found = StoredPrior.of(place)
            except InputError as error:
                why.append(str(error))
                continue
            if found.sha256 == self.sha256:
                return found
            why.append(f"{place} was made anew since")
        msg = f"{self.by}: was computed with evidence, and {', '.join(dict.fromkeys(why))}; {remedy}"
        raise InputError(msg)

    def folder(self) -> Path | None:
        """Return the folder in which the evidence lies as it was; None if it does not."""
        try:
            return self.stored(remedy="").folder
        except InputError:
            return None


def place_note(evidence: Path, run: Path) -> dict[str, str]:
    """Return where evidence lies, for the notes of a run or round: from the run's folder, and from the root.

    The first holds where both were moved or copied together, the second where one of them was.
    """
    place = evidence.resolve()
    return {"folder": str(place), "from_run": os.path.relpath(place, run.resolve())}


def note_file(folder: Path) -> Path:
    """Return the file beside a round's folder that notes what decides nothing in it, as `run.json` does for a run."""
    return folder.parent / f"{folder.name}.json"


def note_round(folder: Path, evidence: Path | None) -> None:
    """Note where the evidence of a round lies now; a round without any has no note."""
    if evidence is None:
        return
    content = {"evidence": place_note(evidence, folder.parents[1])}
    if _object(note_file(folder)) != content:
        write_bytes(note_file(folder), json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n")


def _places(noted: Any, run: Path) -> tuple[Path, ...]:
    """Return where evidence may lie, the likeliest first; earlier versions noted a run's as it was given."""
    if isinstance(noted, str):
        return (Path(noted),)
    if not isinstance(noted, dict) or not {"folder", "from_run"} <= noted.keys():
        return ()
    near, far = Path(os.path.normpath(run.resolve() / str(noted["from_run"]))), Path(str(noted["folder"]))
    return tuple(dict.fromkeys((near, far)))


def _object(path: Path) -> dict[str, Any]:
    """Return a JSON object, an empty one where there is no file.

    Raises:
        InputError: It is damaged.
    """
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        msg = f"{path}: is damaged ({error}); restore it from a copy"
        raise InputError(msg) from error
    return content if isinstance(content, dict) else {}
