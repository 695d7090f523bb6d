"""Rows of working pixels, decoded in threads a little ahead of who asks for them."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.transform import Affine

from survey.ingest.gdal import gdal_env
from survey.ingest.pixels import SourcePixels
from survey.ingest.resample import Axis, resampled
from survey.ingest.validity import to_uint8
from survey.values import Image, Window, WorkingGrid

FILL = 127
"""Grey level of everything that was not imaged; 0 after the network's normalisation."""
CHUNK_ROWS = 256
"""Working rows decoded in one go: few enough that those ahead are small beside a strip."""
AHEAD = 2
"""Chunks decoded ahead of those in use, at least."""
RESAMPLED_PX = 1 << 18
"""Source pixels resampled at a time; they are held as float32 and twice."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Decoded working pixels."""

    window: Window
    pixels: NDArray[np.uint8]
    """(height, width, 3); `FILL` where nothing was imaged, as it is outside the AOI."""
    valid: NDArray[np.bool_]
    """(height, width); False where nothing was imaged and outside the AOI."""
    damage: tuple[tuple[Window, str], ...]
    """Working pixels that cannot be told, and why."""


def schedule(windows: Sequence[Window]) -> tuple[list[Window], list[range]]:
    """Return the chunks to decode, in order, and for each window which of them it is made of.

    Windows that go down the image share chunks, so that each row is decoded once, however ragged their
    columns are. A window that goes up again (the next slab) or lies beside the others starts a new pass.

    Args:
        windows: Inside the image.
    """
    chunks: list[Window] = []
    parts: list[range] = []
    first_index = 0  # of the pass: number of its topmost chunk row
    base = 0  # where in `chunks` the pass begins
    before: Window | None = None
    for window in windows:
        indices = range(window.row // CHUNK_ROWS, (window.row_end - 1) // CHUNK_ROWS + 1)
        beside = before is None or window.col >= before.col_end or window.col_end <= before.col
        # A gap in the rows also starts a new pass, so that chunks of a pass follow each other.
        gap = base + indices.start - first_index > len(chunks)
        if before is None or beside or gap or window.row < before.row:
            base, first_index = len(chunks), indices.start
        for index in indices:
            part = window.intersection(Window(index * CHUNK_ROWS, window.col, CHUNK_ROWS, window.width))
            assert part is not None
            place = base + index - first_index
            if place == len(chunks):
                chunks.append(part)
            else:
                chunks[place] = _hull(chunks[place], part)
        parts.append(range(base + indices.start - first_index, base + indices.stop - first_index))
        before = window
    return chunks, parts


def _hull(a: Window, b: Window) -> Window:
    row, col = min(a.row, b.row), min(a.col, b.col)
    return Window(row, col, max(a.row_end, b.row_end) - row, max(a.col_end, b.col_end) - col)


class Decoder:
    """Decodes chunks in order, each once, a few ahead of the one in use."""

    def __init__(
        self, image: Image, grid: WorkingGrid, polygons: Any, *, chunks: Sequence[Window], threads: int
    ) -> None:
        self._image, self._polygons, self._chunks = image, polygons, chunks
        self._rows, self._cols = Axis(image.height, grid.height), Axis(image.width, grid.width)
        self._local = threading.local()
        self._sources: list[SourcePixels] = []
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="decode")
        self._ahead = max(AHEAD, threads)
        self._next = 0
        self._futures: dict[int, Future[Chunk]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        for source in self._sources:
            source.close()

    def take(self, part: range) -> list[Chunk]:
        """Return the chunks of `part`, and let go of those before it."""
        for done in [place for place in self._futures if place < part.start]:
            self._futures.pop(done).cancel()
        self._next = max(self._next, part.start)
        while self._next < min(part.stop + self._ahead, len(self._chunks)):
            self._futures[self._next] = self._pool.submit(self._decode, self._chunks[self._next])
            self._next += 1
        return [self._futures[place].result() for place in part]

    def _decode(self, window: Window) -> Chunk:
        """Decode one chunk; runs in a pool thread."""
        pixels = np.empty((window.height, window.width, 3), np.uint8)
        valid = np.empty((window.height, window.width), bool)
        damage: list[tuple[Window, str]] = []
        with gdal_env():
            for piece in self._pieces(window):
                damage += self._read(piece, pixels[piece.slices(window)], valid[piece.slices(window)])
        if not valid.all():
            pixels[~valid] = FILL
        if self._polygons is not None:
            valid &= self._inside(window)
        return Chunk(window, pixels, valid, tuple(damage))

    def _pieces(self, window: Window) -> list[Window]:
        """Cut a chunk that has to be resampled into bands of rows, for memory's sake; it does not show."""
        if self._rows.is_identity and self._cols.is_identity:
            return [window]
        first, last = self._cols.reach(window.col, window.col_end)
        step = max(1, int(RESAMPLED_PX / (last - first) * self._rows.working / self._rows.source))
        tops = range(window.row, window.row_end, step)
        return [Window(top, window.col, min(step, window.row_end - top), window.width) for top in tops]

    def _source(self) -> SourcePixels:
        if not hasattr(self._local, "source"):
            self._local.source = SourcePixels(self._image)
            self._sources.append(self._local.source)
        source: SourcePixels = self._local.source
        return source

    def _read(self, piece: Window, pixels: NDArray[np.uint8], valid: NDArray[np.bool_]) -> list[tuple[Window, str]]:
        rows, cols = (piece.row, piece.row_end), (piece.col, piece.col_end)
        (top, bottom), (left, right) = self._rows.reach(*rows), self._cols.reach(*cols)
        values, imaged, damage = self._source().read(Window(top, left, bottom - top, right - left))
        if self._rows.is_identity and self._cols.is_identity:
            for band in range(3):
                pixels[..., band] = to_uint8(values[band], self._image)
            valid[:] = imaged
        else:
            mean = resampled(values, imaged, rows=self._rows.weights(*rows), cols=self._cols.weights(*cols))
            pixels[:] = mean + np.float32(0.5) if values.dtype == np.uint8 else to_uint8(mean, self._image)
            valid[:] = imaged[np.ix_(self._rows.centres(*rows) - top, self._cols.centres(*cols) - left)]
        return [(self._working(d.window), d.reason) for d in damage]

    def _working(self, source: Window) -> Window:
        """Return the working pixels that source pixels have a part in."""
        (top, bottom) = self._rows.made_of(source.row, source.row_end)
        (left, right) = self._cols.made_of(source.col, source.col_end)
        return Window(top, left, bottom - top, right - left)

    def _inside(self, window: Window) -> NDArray[np.bool_]:
        """Return which working pixels' centres lie in the AOI."""
        if self._polygons.is_empty:
            return np.zeros((window.height, window.width), bool)
        burnt = rasterize(
            [(self._polygons, 1)],
            out_shape=(window.height, window.width),
            transform=Affine.translation(window.col, window.row),
            dtype=np.uint8,
        )
        return np.asarray(burnt, bool)
