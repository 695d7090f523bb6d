"""The images under review as tiles, near and far; far views are made in the background."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rasterio.errors import RasterioIOError

from survey.errors import InputError, SurveyError
from survey.page.far import far_view, lacks_overviews
from survey.page.imagery import Imagery
from survey.page.pixels import Picture
from survey.review.material import Material

CHIP_PX = 360
"""Longest edge of a chip: three lie side by side on a small screen."""
CHIPS_M = (2.0, 6.0, 20.0)
"""Ground along a chip's edge: the item, what it lies in, and where."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """Tiles of all images by image id; far views by the id and '-far'."""

    material: Material
    near: Mapping[str, Imagery]
    far: dict[str, Imagery] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, material: Material) -> "Shelf":
        """Open the images.

        Raises:
            InputError: One cannot be read.
        """
        near = {}
        for image in material.images:
            try:
                near[image.image_id] = Imagery.over(image, crs=material.crs)
            except RasterioIOError as error:
                msg = f"{image.path}: cannot be read ({error}); restore the file"
                raise InputError(msg) from error
        return cls(material, near)

    def start_far_views(self, folder: Path) -> threading.Thread:
        """Make the far views of images without overviews, one after the other, in a thread of their own."""
        thread = threading.Thread(target=self._make_far_views, args=(folder,), daemon=True, name="far-views")
        thread.start()
        return thread

    def close(self) -> None:
        """Make no more far views, and close the files."""
        self._stop.set()
        for imagery in (*self.near.values(), *self.far.values()):
            imagery.close()

    def tile(self, name: str, z: int, col: int, row: int) -> Picture | None:
        """Return a tile; None where there is none.

        Raises:
            RasterioIOError: Pixels cannot be read.
        """
        imagery = self.near.get(name) or self.far.get(name)
        return None if imagery is None else imagery.tile(z, col, row)

    def chip(self, sighting: str, scale: int) -> Picture | None:
        """Return the surroundings of a sighting on the image that shows it; None if there is no such chip.

        Raises:
            RasterioIOError: Pixels cannot be read.
        """
        found = self.material.found
        number = self._number_of(sighting)
        if number is None or not 0 <= scale < len(CHIPS_M):
            return None
        imagery = self.near.get(str(found.image_ids[number]))
        if imagery is None:
            return None
        if imagery.warped_to is None:
            row, col = float(found.image_row[number]), float(found.image_col[number])
        else:
            col, row = ~imagery.image.transform * (float(found.x[number]), float(found.y[number]))
        edge = max(1, round(CHIPS_M[scale] / imagery.image.gsd_m))
        factor = max(1, -(-edge // CHIP_PX))
        edge = -(-edge // factor) * factor
        return imagery.crop(round(row - edge / 2), round(col - edge / 2), edge_px=edge, factor=factor)

    def about(self) -> list[dict[str, Any]]:
        """Return what a browser needs to lay out the tiles."""
        names = {image.image_id: image.path.name for image in self.material.images}
        near = [_about(i, imagery, file=names[i], far=False) for i, imagery in self.near.items()]
        far = list(self.far.items())  # the other thread may add one
        return near + [_about(i, imagery, file=names[i.removesuffix("-far")], far=True) for i, imagery in far]

    def _number_of(self, sighting: str) -> int | None:
        where = (self.material.found.ids == sighting).nonzero()[0]
        return int(where[0]) if len(where) else None

    def _make_far_views(self, folder: Path) -> None:
        for image_id, imagery in self.near.items():
            if self._stop.is_set():
                return
            if lacks_overviews(imagery):
                try:
                    self.far[f"{image_id}-far"] = far_view(imagery, folder)
                except (RasterioIOError, SurveyError, OSError) as error:
                    _LOG.warning("%s: no coarse view can be made (%s)", imagery.image.path, error)


def _about(name: str, imagery: Imagery, *, file: str, far: bool) -> dict[str, Any]:
    finest = imagery.image.transform.a
    return {
        "id": name,
        "file": file,
        "bounds": imagery.bounds,
        "resolutions": [finest * level.factor for level in imagery.levels],
        "tile_px": imagery.tile_px,
        "gsd_m": imagery.image.gsd_m,
        "resampled": imagery.warped_to is not None,
        "far": far,
        "needs_far": not far and lacks_overviews(imagery),
        "warnings": list(imagery.image.warnings),
    }
