"""`survey verify`: is everything still what the run left, down to imagery, model and blocks?"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from survey.detect.model import find_model, load_card, model_sha256
from survey.engine import BlockState, Receipt
from survey.errors import ModelError
from survey.export import MANIFEST, verify_manifest
from survey.files import sha256_of
from survey.provenance.finished import FinishedRun, open_finished, read_json
from survey.provenance.imagery import State, find_imagery
from survey.resources import models_folder

EXIT_SAME, EXIT_CHANGED = 0, 3
_HIDDEN = "."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was, or that could not be looked at."""

    subject: str
    """'products', 'run', 'imagery', 'model', 'blocks' or a folder's name."""
    words: str
    checked: bool = True
    """False: it could not be checked, so nothing is known of it."""

    def __str__(self) -> str:
        return f"{'' if self.checked else 'not checked: '}{self.subject}: {self.words}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of a folder gave."""

    findings: tuple[Finding, ...]
    counts: dict[str, int]
    """How many things were compared, by subject."""

    @property
    def changed(self) -> tuple[Finding, ...]:
        """What is not as it was."""
        return tuple(f for f in self.findings if f.checked)

    @property
    def unchecked(self) -> tuple[Finding, ...]:
        """What could not be compared."""
        return tuple(f for f in self.findings if not f.checked)

    def exit_code(self, *, strict: bool = False) -> int:
        """Return 0 if nothing changed, else 3; with `strict` what could not be checked counts as changed."""
        return EXIT_CHANGED if self.changed or (strict and self.unchecked) else EXIT_SAME

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "changed": [str(f) for f in self.changed],
            "compared": self.counts,
            "not_checked": [f"{f.subject}: {f.words}" for f in self.unchecked],
        }

    def __str__(self) -> str:
        what = ", ".join(f"{count} {name}" for name, count in self.counts.items() if count)
        head = f"{len(self.changed)} changed, {len(self.unchecked)} not checked; compared: {what or 'nothing'}"
        return "\n".join([*(str(f) for f in (*self.changed, *self.unchecked)), head])


def verify(folder: Path, *, images: Sequence[Path] = (), model: str | None = None) -> Verification:
    """Compare a folder with what was recorded of it when it was written.

    Args:
        folder: Of a run, or any folder with a MANIFEST.json of this program.
        images: Where to look for the imagery before where it was.
        model: Model folder, if the run's model is not a released one.

    Raises:
        InputError: The folder has no manifest.
        ResumeError: run.json is damaged.
    """
    if not (folder / "run.json").is_file():
        return _verify_folder(folder)
    run = open_finished(folder, number=0)
    counts: dict[str, int] = {}
    findings = [
        *_products(run, counts),
        *_imagery(run, images, counts),
        *_model(run, model, counts),
        *_blocks(run, counts),
    ]
    for manifest in sorted((folder / "rounds").glob(f"*/{MANIFEST}")):
        told = _verify_folder(manifest.parent)
        name = f"rounds/{manifest.parent.name}"
        findings += [Finding(name, f.words, checked=f.checked) for f in told.findings]
        counts[f"files of {name}"] = told.counts["products"]
    return Verification(tuple(findings), counts)


def _verify_folder(folder: Path) -> Verification:
    problems = verify_manifest(folder)
    return Verification(tuple(Finding("products", p) for p in problems), {"products": _listed(folder)})


def _listed(folder: Path) -> int:
    return len(read_json(folder / MANIFEST)["products"])


def _products(run: FinishedRun, counts: dict[str, int]) -> Iterator[Finding]:
    for problem in verify_manifest(run.products):
        yield Finding("products", problem)
    counts["products"] = len(run.manifest["products"])
    for name in run.listed:
        short = name.removeprefix("products/")
        if short not in run.manifest["products"] and short != MANIFEST:
            yield Finding("products", f"{short}: the run says that it writes it, the manifest does not list it")
    for what, told in (("the manifest", run.manifest), ("summary.json", run.summary)):
        if told.get("run_id") != run.identity.run_id:
            yield Finding("run", f"{what} is of run {told.get('run_id')}, run.json of {run.identity.run_id}")


def _imagery(run: FinishedRun, images: Sequence[Path], counts: dict[str, int]) -> Iterator[Finding]:
    counts["images"] = 0
    for found in find_imagery(run, elsewhere=images):
        if found.sha256 not in run.manifest["inputs"].values():
            yield Finding("imagery", f"{found.name}: run.json and the manifest do not name the same content")
        if found.state is State.ABSENT:
            yield Finding("imagery", f"{found.name}: {found.state}; name its folder with --images", checked=False)
        elif found.state is State.UNREADABLE:
            yield Finding("imagery", f"{found.name}: {found.state} ({found.why})")
        else:
            counts["images"] += 1
            if found.state is State.CHANGED:
                yield Finding("imagery", f"{found.name}: {found.state}")
    if run.identity.aoi is not None:
        yield Finding("imagery", "the polygons of the AOI: run.json does not say where they lay", checked=False)


def _model(run: FinishedRun, model: str | None, counts: dict[str, int]) -> Iterator[Finding]:
    name, sha256 = run.model
    counts["model files"] = 0
    try:
        folder = find_model(model if model is not None else name, models=models_folder())
        card = load_card(folder)
    except ModelError as error:
        yield Finding("model", f"{name}: {error}; name its folder with --model", checked=model is not None)
        return
    if card.id != name:
        yield Finding("model", f"{folder.name} is model {card.id}, the run's is {name}")
        return
    whole = True
    for file, recorded in run.manifest["model"].items():
        if file == "card_and_weights":
            continue
        path = folder / file
        whole = whole and path.is_file()
        counts["model files"] += path.is_file()
        if not path.is_file():
            yield Finding("model", f"{file}: missing")
        elif sha256_of(path) != recorded:
            yield Finding("model", f"{file}: changed since the run")
    if whole and model_sha256(folder, card) != sha256:
        yield Finding("model", f"{name}: card and weights together are not those of the run")


def _blocks(run: FinishedRun, counts: dict[str, int]) -> Iterator[Finding]:
    """Compare every part with its receipt, and receipts with the summary's counts."""
    receipts: list[Receipt] = []
    names = {path.stem: path for path in _block_files(run.folder, ".json")}
    for key, path in names.items():
        try:
            receipt = Receipt.from_json(path.read_text(encoding="utf-8"))
        except ValueError:
            yield Finding("blocks", f"{key}: the receipt is damaged")
            continue
        receipts.append(receipt)
        if receipt.key != key:
            yield Finding("blocks", f"{key}: the receipt is another block's")
        if flaw := run.store.flaw(receipt):
            yield Finding("blocks", flaw)
    for path in _block_files(run.folder, ".npz"):
        if path.stem not in names:
            yield Finding("blocks", f"{path.stem}: there is a part without a receipt")
    counts["blocks"] = len(receipts)
    states = Counter(str(r.state) for r in receipts if r.block_index >= 0)  # novelty and ground have receipts, no block
    for state in BlockState:
        told = run.summary["blocks"][str(state)]
        if states[str(state)] != told:
            words = f"{states[str(state)]} receipts say {str(state).replace('_', ' ')}, the summary counts {told}"
            yield Finding("blocks", words)


def _block_files(folder: Path, suffix: str) -> list[Path]:
    found = (folder / "blocks").glob(f"*/*{suffix}")
    return sorted(path for path in found if not path.name.startswith(_HIDDEN))
