"""Styles of rasters that come without one: greys, which are nobody's symbol."""

from pathlib import Path

import rasterio

from survey.export.symbols import class_style, ramp_style

_GREYS = ("#F4F4F4", "#C4C4C4", "#8E8E8E", "#5A5A5A", "#1F1F1F")
_EVIDENCE = ((0, "#FFFFFF", "no evidence known", 0), (1, "#B4B4B4", "indirect evidence of a hazard", 255))
_DIRECT = (2, "#4A4A4A", "direct evidence of a hazard", 255)


def plain_style(path: Path) -> bytes | None:
    """Return a style of a raster's first band with its unit in the legend; None if nothing is known of its values."""
    with rasterio.open(path) as dataset:
        if dataset.descriptions[0] == "evidence_class":
            return class_style([*_EVIDENCE, _DIRECT])
        tags, unit = dataset.tags(1), dataset.units[0] or ""
        name = (dataset.descriptions[0] or path.stem).replace("_", " ")
    low, high = (float(tags.get(f"STATISTICS_{end}", "nan")) for end in ("MINIMUM", "MAXIMUM"))
    if not low < high:
        return None
    steps = [low + (high - low) * n / (len(_GREYS) - 1) for n in range(len(_GREYS))]
    return ramp_style([(v, grey, f"{name}: {v:.3g} {unit}".rstrip()) for v, grey in zip(steps, _GREYS, strict=True)])
