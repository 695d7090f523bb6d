"""What the program tells machines: JSON lines."""

import json
import sys
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import TextIO

from survey.progress.base import SilentProgress


class JsonProgress(SilentProgress):
    """One JSON object a line, each with an `event`: the methods' names. Numbers that are not finite are null."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout

    def start(self, *, run_id: str, images: int, blocks: int, finished: int, area_ha: float) -> None:
        """Write a `start` event."""
        self._write("start", run_id=run_id, images=images, blocks=blocks, finished=finished, area_ha=area_ha)

    def block(self, *, image: str, block: int, area_ha: float, detections: int) -> None:
        """Write a `block` event."""
        self._write("block", image=image, block=block, area_ha=area_ha, detections=detections)

    def unread(self, *, image: str, block: int, reason: str) -> None:
        """Write an `unread` event."""
        self._write("unread", image=image, block=block, reason=reason)

    def phase(self, text: str) -> None:
        """Write a `phase` event."""
        self._write("phase", text=text)

    def product(self, path: Path) -> None:
        """Write a `product` event."""
        self._write("product", path=str(path))

    def warning(self, message: str) -> None:
        """Write a `warning` event."""
        self._write("warning", message=message)

    def error(self, message: str) -> None:
        """Write an `error` event."""
        self._write("error", message=message)

    def image(self, facts: Mapping[str, object]) -> None:
        """Write an `image` event: what `survey info` tells of an image."""
        self._write("image", **facts)

    def done(self, summary: Mapping[str, object]) -> None:
        """Write a `done` event."""
        self._write("done", summary=dict(summary))

    def _write(self, event: str, **content: object) -> None:
        text = json.dumps(_plain({"event": event, **content}), ensure_ascii=False, allow_nan=False, default=str)
        self._stream.write(text + "\n")
        self._stream.flush()


def _plain(value: object) -> object:
    """Return a value with null for the numbers that JSON does not have."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
