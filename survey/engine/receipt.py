"""The commit record of one block."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from survey.engine.keys import canonical_json


class BlockState(StrEnum):
    """What became of a block."""

    SEARCHED = "searched"
    NOT_SEARCHED = "not_searched"
    """It could not be read, or its worker died; the next run tries it again."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Says that a block is done with, and how. Holds no time and no machine: the same work, the same bytes."""

    key: str
    """Name of the block's content, see `block_key`."""
    image_id: str
    block_index: int
    state: BlockState
    reason: str | None = None
    """Why it was not searched, with file and window; None for a searched block."""
    part: str | None = None
    """SHA-256 of the part file; None where the block has none."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """For instance tiles, valid_px, detections, saturated_tiles, guard_merges."""

    def __post_init__(self) -> None:
        if (self.reason is None) != (self.state is BlockState.SEARCHED):
            msg = f"block {self.block_index}: a reason belongs to {BlockState.NOT_SEARCHED}, got {self.reason!r}"
            raise ValueError(msg)

    def to_json(self) -> str:
        """Return the receipt as one line of JSON."""
        return canonical_json({"version": 1, **asdict(self)}) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Receipt":
        """Return the receipt that `to_json` wrote.

        Raises:
            ValueError: The text is no receipt.
        """
        content = json.loads(text)
        try:
            if content.pop("version") != 1:
                msg = "a receipt of another version"
                raise ValueError(msg)
            return cls(**{**content, "state": BlockState(content["state"])})
        except (KeyError, TypeError, AttributeError) as error:
            msg = f"no receipt: {error}"
            raise ValueError(msg) from error
