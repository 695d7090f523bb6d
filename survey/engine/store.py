"""Parts and receipts on disk: what a run has done, surviving any death of any process."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from survey.engine.parts import pack, unpack
from survey.engine.receipt import BlockState, Receipt
from survey.errors import ResumeError
from survey.files import make_folder, write_bytes


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """What a store holds of some blocks. Blocks in neither mapping were never begun."""

    done: dict[str, Receipt]
    """Searched blocks by key, their parts verified."""
    redo: dict[str, str]
    """Blocks that have a receipt and yet have to be done again: key and why."""


@dataclass(frozen=True, slots=True)
class JobStore:
    """`blocks/ab/<key>.npz` and `<key>.json` in a run folder; the receipt is written last.

    The value is only a path: it may be handed to other processes and machines that see the same files.
    """

    folder: Path
    """The run folder."""

    def part_path(self, key: str) -> Path:
        """Return where a block's part lies."""
        return self.folder / "blocks" / key[:2] / f"{key}.npz"

    def receipt_path(self, key: str) -> Path:
        """Return where a block's receipt lies."""
        return self.folder / "blocks" / key[:2] / f"{key}.json"

    def commit(self, receipt: Receipt, arrays: Mapping[str, NDArray[Any]] | None = None) -> Receipt:
        """Write a block's part and then its receipt, each whole or not at all.

        Args:
            receipt: What became of the block; its `part` is filled in here.
            arrays: The block's part, or None where it has none.

        Returns:
            The receipt as written.
        """
        make_folder(self.part_path(receipt.key).parent)
        if arrays is not None:
            content = pack(arrays)
            write_bytes(self.part_path(receipt.key), content)
            receipt = replace(receipt, part=hashlib.sha256(content).hexdigest())
        write_bytes(self.receipt_path(receipt.key), receipt.to_json().encode())
        return receipt

    def load(self, receipt: Receipt) -> dict[str, NDArray[Any]]:
        """Return the arrays of a block's part; none where it has no part.

        Raises:
            ResumeError: The part is missing or is not the one that the receipt was written for.
        """
        if receipt.part is None:
            return {}
        path = self.part_path(receipt.key)
        content = path.read_bytes() if path.is_file() else None
        if content is None or hashlib.sha256(content).hexdigest() != receipt.part:
            what = "is missing" if content is None else "has changed"
            msg = f"{path}: {what} since it was checked; run the same command again"
            raise ResumeError(msg)
        return unpack(content)

    def check(self, keys: Iterable[str]) -> StoreCheck:
        """Tell which blocks are done, and which have to be done again and why."""
        done: dict[str, Receipt] = {}
        redo: dict[str, str] = {}
        for key in keys:
            outcome = self._check(key)
            if isinstance(outcome, Receipt):
                done[key] = outcome
            elif outcome is not None:
                redo[key] = outcome
        return StoreCheck(done, redo)

    def _check(self, key: str) -> Receipt | str | None:
        """Return a finished block's receipt, or why it is undone, or None if it was never begun."""
        path = self.receipt_path(key)
        if not path.is_file():
            return None
        try:
            receipt = Receipt.from_json(path.read_text(encoding="utf-8"))
        except ValueError:
            return f"{path}: the receipt is damaged"
        if receipt.key != key:
            return f"{path}: the receipt is another block's"
        if receipt.state is BlockState.NOT_SEARCHED:
            return f"was not searched: {receipt.reason}"
        return self.flaw(receipt) or receipt

    def flaw(self, receipt: Receipt) -> str | None:
        """Return what is wrong with a receipt's part; None if all is well or if it has none."""
        part = self.part_path(receipt.key)
        if receipt.part is None:
            return None
        if not part.is_file():
            return f"{part}: the part is missing"
        if hashlib.sha256(part.read_bytes()).hexdigest() != receipt.part:
            return f"{part}: the part is damaged"
        return None
