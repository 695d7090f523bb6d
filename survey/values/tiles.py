"""The pure plan of a pass over one image: blocks of tiles, who owns which pixel. No I/O."""

from dataclasses import dataclass

from survey.values.window import Window


@dataclass(frozen=True, slots=True)
class Tile:
    """One call of the network: it owns `core` and reads `core` padded by the plan's halo."""

    index: int
    """Number of the tile in the image, row by row; unique within the plan."""
    core: Window
    """Owned working pixels, inside the image."""


@dataclass(frozen=True, slots=True)
class Block:
    """A horizontal run of tiles with the same core rows: the unit of work, of resume and of failure."""

    index: int
    core: Window
    """Bounding rectangle of the tiles' cores."""
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class TilePlan:
    """Blocks of tiles whose cores own every pixel that has to be searched exactly once."""

    height: int
    """Working pixels."""
    width: int
    halo_px: int
    """Working pixels read around a core on each side; filled where they leave the image."""
    stride_px: int
    """Cores start on multiples of this, so that the network's cells fall alike in every plan."""
    blocks: tuple[Block, ...]

    @property
    def tile_count(self) -> int:
        """Number of tiles in all blocks."""
        return sum(len(block.tiles) for block in self.blocks)
