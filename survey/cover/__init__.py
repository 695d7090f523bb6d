"""What hides the ground: cover told from imagery or by a layer, blur, and what both leave of recall."""

from survey.cover.blur import blur_of, excess_blur, window_blurs
from survey.cover.layer import CoverLayer, load_cover
from survey.cover.proxy import CELL_PX, cover_cells
from survey.cover.visibility import FULL, visibility

__all__ = [
    "CELL_PX",
    "FULL",
    "CoverLayer",
    "blur_of",
    "cover_cells",
    "excess_blur",
    "load_cover",
    "visibility",
    "window_blurs",
]
