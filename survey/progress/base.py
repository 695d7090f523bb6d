"""What a run reports, and the reporter that tells nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, Self


class Progress(Protocol):
    """What a run reports, in the order in which it happens. Use as a context manager."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(self, *error: object) -> None:
        """Stop showing, whatever happened."""
        ...

    def start(self, *, run_id: str, images: int, blocks: int, finished: int, area_ha: float) -> None:
        """Tell the size of the run: `finished` of its `blocks` were searched before; `area_ha` is left."""
        ...

    def block(self, *, image: str, block: int, area_ha: float, detections: int) -> None:
        """Tell that a block was searched."""
        ...

    def unread(self, *, image: str, block: int, reason: str) -> None:
        """Tell that a block could not be searched."""
        ...

    def phase(self, text: str) -> None:
        """Tell what is done next where that may take a while, such as 'writing products'."""
        ...

    def product(self, path: Path) -> None:
        """Tell that a product was written."""
        ...

    def warning(self, message: str) -> None:
        """Tell something the user should know; the run goes on."""
        ...

    def error(self, message: str) -> None:
        """Tell why the run ends here."""
        ...

    def done(self, summary: Mapping[str, object]) -> None:
        """Tell that the run has ended, with its summary."""
        ...


class SilentProgress:
    """Tell nothing: the default from Python."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def start(self, *, run_id: str, images: int, blocks: int, finished: int, area_ha: float) -> None:
        """Tell nothing."""

    def block(self, *, image: str, block: int, area_ha: float, detections: int) -> None:
        """Tell nothing."""

    def unread(self, *, image: str, block: int, reason: str) -> None:
        """Tell nothing."""

    def phase(self, text: str) -> None:
        """Tell nothing."""

    def product(self, path: Path) -> None:
        """Tell nothing."""

    def warning(self, message: str) -> None:
        """Tell nothing."""

    def error(self, message: str) -> None:
        """Tell nothing."""

    def done(self, summary: Mapping[str, object]) -> None:
        """Tell nothing."""
