"""A rectangle of pixels."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of whole pixels; `row` and `col` may be negative where a halo leaves the image."""

    row: int
    col: int
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.height <= 0 or self.width <= 0:
            msg = f"a window needs a positive size, got {self.height} x {self.width}"
            raise ValueError(msg)

    @property
    def row_end(self) -> int:
        """First row below the window."""
        return self.row + self.height

    @property
    def col_end(self) -> int:
        """First column right of the window."""
        return self.col + self.width

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self.height * self.width

    def padded(self, margin: int) -> "Window":
        """Return the window grown by `margin` pixels on every side."""
        return Window(self.row - margin, self.col - margin, self.height + 2 * margin, self.width + 2 * margin)

    def intersection(self, other: "Window") -> "Window | None":
        """Return the common rectangle, or None where there is none."""
        row, col = max(self.row, other.row), max(self.col, other.col)
        height = min(self.row_end, other.row_end) - row
        width = min(self.col_end, other.col_end) - col
        return Window(row, col, height, width) if height > 0 and width > 0 else None

    def slices(self, origin: "Window | None" = None) -> tuple[slice, slice]:
        """Return (row, col) slices into an array whose first pixel is `origin`'s first pixel."""
        row0, col0 = (origin.row, origin.col) if origin is not None else (0, 0)
        return (
            slice(self.row - row0, self.row_end - row0),
            slice(self.col - col0, self.col_end - col0),
        )
