"""One ordered pass over an image: strips of working pixels, decoded in threads ahead of the network.

Pixels are decoded in chunks that lie on a lattice of the working grid itself, whatever the plan: so the
pixels of a place are the same, bit for bit, for every tile size, block order, AOI and number of threads,
although the resampling filter sees a chunk at a time.
"""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioIOError
from rasterio.features import rasterize
from rasterio.transform import Affine

from survey.ingest.aoi import Aoi
from survey.ingest.gdal import DatasetReader, gdal_env
from survey.values import Block, Image, TilePlan, Validity, Window, WorkingGrid

FILL = 127
"""Grey level of everything that was not imaged; 0 after the network's normalisation."""
CHUNK_ROWS = 512
CHUNK_COLS = 4096
"""Lattice of decoding: about 2 Mpx at a time keeps the decoders busy and the memory small."""
AHEAD = 2
"""Chunk rows decoded ahead of the one in use."""


@dataclass(frozen=True, slots=True, eq=False)
class BlockPixels:
    """A block that was read. The arrays are views of reused buffers: good until the next block is asked for."""

    block: Block
    pixels: NDArray[np.uint8]
    """(core height + 2 halo, core width + 2 halo, 3) RGB; `FILL` where not valid."""
    valid: NDArray[np.bool_]
    """The same height and width; False outside the image, where nothing was imaged, and outside the AOI."""


@dataclass(frozen=True, slots=True)
class UnreadBlock:
    """A block that could not be read: it was not searched."""

    block: Block
    reason: str
    """File, source window and what the decoder said."""


def read_blocks(
    image: Image,
    grid: WorkingGrid,
    plan: TilePlan,
    blocks: Sequence[Block],
    *,
    aoi: Aoi | None = None,
    threads: int = 1,
) -> Iterator[BlockPixels | UnreadBlock]:
    """Yield the blocks in the order given; reading order (the plan's own) decodes every row once.

    Memory is one strip (core and halo rows of the widest block) and a few chunks, whatever the height.

    Args:
        image: The image.
        grid: Its working grid.
        plan: The plan that the blocks are of.
        blocks: Blocks to read.
        aoi: Only what lies inside is valid.
        threads: Decoding threads.
    """
    polygons = aoi.in_pixels(image, grid) if aoi is not None else None
    with gdal_env(), _Chunks(image, grid, polygons, threads=threads) as chunks:
        chunks.expect([_reach(block, plan) for block in blocks])
        strip = _Strip(grid, chunks)
        for block in blocks:
            window = _reach(block, plan)
            reason = strip.move_to(window)
            if reason is not None:
                yield UnreadBlock(block, reason)
            else:
                yield BlockPixels(block, strip.pixels, strip.valid)


def _reach(block: Block, plan: TilePlan) -> Window:
    return block.core.padded(plan.halo_px)


class _Strip:
    """The rows of the block in hand; rows shared with the next block are moved, not decoded again."""

    def __init__(self, grid: WorkingGrid, chunks: "_Chunks") -> None:
        self._whole = Window(0, 0, grid.height, grid.width)
        self._chunks = chunks
        self._window: Window | None = None
        self._failed: dict[int, str] = {}
        self._store = (np.empty(0, np.uint8), np.empty(0, bool))

    @property
    def pixels(self) -> NDArray[np.uint8]:
        w = self._held
        return self._store[0][: w.area * 3].reshape(w.height, w.width, 3)

    @property
    def valid(self) -> NDArray[np.bool_]:
        w = self._held
        return self._store[1][: w.area].reshape(w.height, w.width)

    @property
    def _held(self) -> Window:
        assert self._window is not None
        return self._window

    def move_to(self, window: Window) -> str | None:
        """Hold another window; return why it cannot be read, if it cannot."""
        first = self._keep(window)
        inside = window.intersection(self._whole)
        assert inside is not None
        pixels, valid = self.pixels, self.valid
        pixels[first - window.row :] = FILL
        valid[first - window.row :] = False
        for index in _chunk_rows(inside):
            if (index + 1) * CHUNK_ROWS <= first:
                continue  # moved from the block before
            chunk = self._chunks.take(index, inside)
            if isinstance(chunk, str):
                self._failed[index] = chunk
                continue
            place = Window(max(first, chunk.window.row), chunk.window.col, 1, 1)
            rows = slice(place.row, min(window.row_end, chunk.window.row_end))
            if rows.start >= rows.stop:
                continue
            common = Window(rows.start, inside.col, rows.stop - rows.start, inside.width)
            pixels[common.slices(window)] = chunk.pixels[common.slices(chunk.window)]
            valid[common.slices(window)] = chunk.valid[common.slices(chunk.window)]
        wanted = set(_chunk_rows(inside))
        self._failed = {index: reason for index, reason in self._failed.items() if index in wanted}
        return next(iter(self._failed.values()), None)

    def _keep(self, window: Window) -> int:
        """Move rows shared with the window before to their new place; return the first row still to be read."""
        before, self._window = self._window, window
        same_columns = before is not None and (before.col, before.width) == (window.col, window.width)
        if before is None or not same_columns or not before.row <= window.row < before.row_end:
            self._failed = {}
            self._reserve(window)
            return window.row
        kept = min(before.row_end, window.row_end) - window.row
        offset = window.row - before.row
        self._reserve(window)
        for array, depth in zip(self._store, (3, 1), strict=True):
            line = window.width * depth
            array[: kept * line] = array[offset * line : (offset + kept) * line].copy()
        return window.row + kept

    def _reserve(self, window: Window) -> None:
        """Grow the buffers to the window, keeping what they hold."""
        if self._store[1].size < window.area:
            pixels, valid = np.empty(window.area * 3, np.uint8), np.empty(window.area, bool)
            pixels[: self._store[0].size] = self._store[0]
            valid[: self._store[1].size] = self._store[1]
            self._store = (pixels, valid)


@dataclass(frozen=True, slots=True, eq=False)
class _Chunk:
    """Decoded working pixels of one row of the lattice."""

    window: Window
    pixels: NDArray[np.uint8]
    valid: NDArray[np.bool_]


class _Chunks:
    """Decodes rows of the lattice in threads, a few ahead, one GDAL handle a thread."""

    def __init__(self, image: Image, grid: WorkingGrid, polygons: Any, *, threads: int) -> None:
        self._image, self._grid, self._polygons = image, grid, polygons
        self._local = threading.local()
        self._handles: list[DatasetReader] = []
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="decode")
        self._queue: deque[tuple[int, int, int]] = deque()
        self._running: dict[tuple[int, int, int], Future[_Chunk | str]] = {}
        self._last: tuple[tuple[int, int, int], _Chunk | str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        for handle in self._handles:
            handle.close()

    def expect(self, windows: Sequence[Window]) -> None:
        """Plan the decoding of the windows' chunk rows, in order; what a strip keeps is not decoded again."""
        whole = Window(0, 0, self._grid.height, self._grid.width)
        before: tuple[int, int, int] | None = None
        for window in windows:
            inside = window.intersection(whole)
            assert inside is not None
            for index in _chunk_rows(inside):
                key = (index, *_chunk_span(inside, self._grid.width))
                if before is None or key[1:] != before[1:] or key[0] > before[0] or key[0] < before[0] - _KEPT:
                    self._queue.append(key)
                    before = key

    def take(self, index: int, inside: Window) -> _Chunk | str:
        """Return a chunk row over the columns of `inside`, or why it cannot be read."""
        key = (index, *_chunk_span(inside, self._grid.width))
        if self._last is not None and self._last[0] == key:
            return self._last[1]
        if key in self._queue:
            while self._queue[0] != key:  # the strip had no use for it
                self._queue.popleft()
            self._queue.popleft()
        for ahead in [key, *list(self._queue)[:AHEAD]]:
            if ahead not in self._running:
                self._running[ahead] = self._pool.submit(self._decode, ahead)
        wanted = {key, *list(self._queue)[:AHEAD]}
        chunk = self._running.pop(key).result()
        for stale in set(self._running) - wanted:
            self._running.pop(stale).cancel()
        self._last = (key, chunk)
        return chunk

    def _decode(self, key: tuple[int, int, int]) -> _Chunk | str:
        """Decode one row of the lattice, piece by piece; runs in a pool thread."""
        index, left, right = key
        top = index * CHUNK_ROWS
        height = min(CHUNK_ROWS, self._grid.height - top)
        window = Window(top, left, height, right - left)
        pixels, valid = np.empty((height, right - left, 3), np.uint8), np.empty((height, right - left), bool)
        with gdal_env():
            for col in range(left, right, CHUNK_COLS):
                piece = Window(top, col, height, min(CHUNK_COLS, right - col))
                try:
                    self._read(piece, pixels[piece.slices(window)], valid[piece.slices(window)])
                except RasterioIOError as error:
                    return self._reason(piece, error)
            if self._polygons is not None:
                valid &= self._inside(window)
        pixels[~valid] = FILL
        return _Chunk(window, pixels, valid)

    def _handle(self) -> DatasetReader:
        """Return this thread's own dataset: a GDAL handle must not be shared."""
        if not hasattr(self._local, "dataset"):
            self._local.dataset = rasterio.open(self._image.path, sharing=False)
            with self._lock:
                self._handles.append(self._local.dataset)
        return self._local.dataset

    def _read(self, piece: Window, pixels: NDArray[np.uint8], valid: NDArray[np.bool_]) -> None:
        dataset, image = self._handle(), self._image
        source = self._source(piece)
        shape = (piece.height, piece.width)
        values = dataset.read(image.bands.rgb, window=source, out_shape=(3, *shape), resampling=_method(self._grid))
        pixels[:] = np.moveaxis(_to_uint8(values, image), 0, -1)
        valid[:] = valid_pixels(
            dataset,
            image,
            window=source,
            shape=shape,
            resampling=Resampling.nearest,
            values=(values if self._grid.row_step == self._grid.col_step == 1 else None),
        )

    def _source(self, piece: Window) -> rasterio.windows.Window:
        grid = self._grid
        row, col = piece.row * grid.row_step, piece.col * grid.col_step
        height = min(piece.row_end * grid.row_step, self._image.height) - row
        width = min(piece.col_end * grid.col_step, self._image.width) - col
        return rasterio.windows.Window(col, row, width, height)

    def _inside(self, window: Window) -> NDArray[np.bool_]:
        """Return which working pixels' centres lie in the AOI."""
        burnt = rasterize(
            [(self._polygons, 1)],
            out_shape=(window.height, window.width),
            transform=Affine.translation(window.col, window.row),
            dtype=np.uint8,
        )
        return np.asarray(burnt, bool)

    def _reason(self, piece: Window, error: RasterioIOError) -> str:
        source = self._source(piece)
        cause = error.__cause__ if error.__cause__ is not None else error
        place = f"rows {source.row_off:.0f}+{source.height:.0f}, columns {source.col_off:.0f}+{source.width:.0f}"
        return f"{self._image.path.name}: {place} cannot be read ({cause}); restore the file and run again"


_KEPT = 8
"""Chunk rows that a strip may still hold when the next block asks for them."""


def valid_pixels(
    dataset: DatasetReader,
    image: Image,
    *,
    window: Any,
    shape: tuple[int, int],
    resampling: Resampling,
    values: NDArray[Any] | None = None,
) -> NDArray[np.bool_]:
    """Return which pixels of a window were imaged: a resampled pixel is what the source pixel at its centre is.

    Args:
        dataset: Open dataset.
        image: What is known of it.
        window: Source window; None for the whole image.
        shape: Rows and columns wanted.
        resampling: For masks; nearest.
        values: The window's pixels (3, rows, cols) at full resolution if they were read already.
    """
    if image.validity is Validity.ALL:
        return np.ones(shape, bool)
    if image.validity is Validity.NODATA:
        if values is None:
            values = dataset.read(image.bands.rgb, window=window, out_shape=(3, *shape), resampling=resampling)
        nodata = image.nodata
        assert nodata is not None
        marked = np.isnan(values) if np.isnan(nodata) else values == nodata
        return np.asarray(~marked.all(axis=0), bool)
    mask = dataset.read_masks(image.bands.red, window=window, out_shape=shape, resampling=resampling)
    return np.asarray(mask > 0, bool)


def _method(grid: WorkingGrid) -> Resampling:
    """Average where the picture shrinks, so that nothing is skipped; bilinear where it grows."""
    if grid.row_step == grid.col_step == 1:
        return Resampling.nearest
    return Resampling.average if min(grid.row_step, grid.col_step) >= 1 else Resampling.bilinear


def _to_uint8(values: NDArray[Any], image: Image) -> NDArray[np.uint8]:
    """Scale by the file's one value range."""
    if values.dtype == np.uint8:
        return values
    low, high = image.value_range
    scaled = (values.astype(np.float32) - low) * (255 / (high - low))
    return np.clip(np.nan_to_num(scaled) + 0.5, 0, 255).astype(np.uint8)


def _chunk_rows(window: Window) -> range:
    return range(window.row // CHUNK_ROWS, (window.row_end - 1) // CHUNK_ROWS + 1)


def _chunk_span(window: Window, width: int) -> tuple[int, int]:
    """Return the columns of the lattice that cover a window."""
    left = window.col // CHUNK_COLS * CHUNK_COLS
    right = min(width, -(-window.col_end // CHUNK_COLS) * CHUNK_COLS)
    return left, right
