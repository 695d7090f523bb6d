"""Sections on what was flown and searched: flights, area, what was not searched, cover, risk."""

from typing import Any

import numpy as np
import rasterio

from survey.markup import Markup, joined, table, tag
from survey.provenance.imagery import RunImage
from survey.report.maps import band_map, cover_map, searched_map
from survey.report.subject import Subject, hectares
from survey.values import HECTARE_EDGE_M

MOST_CELLS = 20
"""Hectares of the table of those with the most expected items."""
_TIMES = (("EXIF", "EXIF_DateTimeOriginal"), ("IMAGERY", "ACQUISITIONDATETIME"), (None, "EXIF_DateTimeOriginal"))
_FILE_TIME = "TIFFTAG_DATETIME"
_SENSOR = ("EXIF_Make", "EXIF_Model", "TIFFTAG_MAKE", "TIFFTAG_MODEL", "TIFFTAG_SOFTWARE")


def flights(subject: Subject) -> Markup:
    """Return the table of flights."""
    w = subject.words
    told = {image["id"]: image for image in subject.run.summary["images"]}
    sizes = {row.image_id: f"{row.width} × {row.height}" for row in subject.run.layer("images").itertuples()}
    heads = ["number", "image", "date", "sensor", "gsd", "height", "overlap", "size", "novelty", "state"]
    rows: list[list[str | Markup | None]] = []
    for number, found in enumerate(subject.images, start=1):
        facts_of, stated = told[found.image_id], subject.flights.get(found.name, {})
        tags = _tags(found)
        dated = " ".join(filter(None, (stated.get("date"), stated.get("time"))))
        rows.append(
            [
                str(number),
                tag("span", found.name, class_="file"),
                dated or _dated(subject, tags),
                stated.get("sensor") or ", ".join(tags[n] for n in _SENSOR if n in tags) or w("not_stated"),
                f"{facts_of['gsd_m'] * 100:.2f}",
                stated.get("height_m") or w("not_stated"),
                stated.get("overlap") or w("not_stated"),
                sizes.get(found.image_id),
                str((facts_of.get("novelty") or {}).get("state", w("not_stated"))),
                str(found.state),
            ]
        )
    listed = table([w(f"flights.{h}") for h in heads], rows, numbers={0, 4, 5, 6, 7}, kind="dense")
    return joined(tag("p", w("flights.about")), listed)


def _tags(found: RunImage) -> dict[str, str]:
    if found.image is None:
        return {}
    with rasterio.open(found.image.path) as dataset:
        spaces = [dataset.tags(), *(dataset.tags(ns=space) for space in ("EXIF", "IMAGERY"))]
    return {name: str(value).strip() for space in spaces for name, value in space.items() if str(value).strip()}


def _dated(subject: Subject, tags: dict[str, str]) -> str:
    for _, name in _TIMES:
        if name in tags:
            return tags[name]
    if _FILE_TIME in tags:
        return subject.words("flights.tag", value=tags[_FILE_TIME])
    return subject.words("not_stated")


def area(subject: Subject) -> Markup:
    """Return how much was flown and how much of that was searched, with its map."""
    w, told = subject.words, subject.run.summary["area_ha"]
    flown, searched, disturbed = (float(told[name]) for name in ("flown", "searched", "disturbed"))
    parts = (("flown", flown), ("searched", searched), ("unsearched", flown - searched), ("disturbed", disturbed))
    rows: list[list[str | Markup | None]] = [
        [w(f"area.{name}"), hectares(ha), f"{100 * ha / flown:.1f} %" if flown else "–"] for name, ha in parts
    ]
    listed = table([w(f"area.{h}") for h in ("what", "ha", "share")], rows, numbers={1, 2})
    return joined(tag("p", w("area.about")), listed, searched_map(subject))


def unsearched(subject: Subject) -> Markup:
    """Return what was flown and not searched, by reason."""
    w, blocks = subject.words, subject.run.summary["blocks"]
    outlines = subject.outlines
    left = outlines[outlines["state"] != "searched"]
    if not len(left) and not blocks["not_searched"]:
        return tag("p", w("unsearched.none"))
    count = blocks["not_searched"] + blocks["searched"]
    sums = left.groupby("reason")["area_ha"].sum().sort_values(ascending=False, kind="stable")
    rows: list[list[str | Markup | None]] = [[str(reason), hectares(ha)] for reason, ha in sums.items()]
    known = set(sums.index)
    rows += [[reason, "–"] for reason in blocks["reasons"] if reason not in known]
    about = w("unsearched.about", blocks=blocks["not_searched"], all=count)
    listed = table([w("unsearched.reason"), w("area.ha")], rows, numbers={1}, kind="reasons")
    return joined(tag("p", about), listed)


def cover(subject: Subject) -> Markup:
    """Return the cover of the ground, where the run told it, and how much of the recall is left under it."""
    w, bands = subject.words, subject.bands
    names = [name for name in bands if name.startswith("cover_") and np.isfinite(bands[name]).any()]
    if not names:
        return tag("p", w("cover.none"))
    flown = float(subject.run.summary["area_ha"]["flown"])
    sums = {name: float(np.nansum(bands[name])) for name in names}
    rows: list[list[str | Markup | None]] = [
        [w(f"cover.{name.removeprefix('cover_')}"), hectares(ha), f"{100 * ha / flown:.1f} %" if flown else "–"]
        for name, ha in sums.items()
    ]
    listed = table([w("cover.what"), w("area.ha"), w("area.share")], rows, numbers={1, 2})
    return joined(tag("p", w("cover.about")), listed, _visibility(subject), cover_map(subject))


def _visibility(subject: Subject) -> Markup | None:
    """Return the share of recall left, over the searched ground."""
    seen, weight = subject.bands.get("visibility"), subject.bands["searched_fraction"]
    if seen is None or not (known := np.isfinite(seen) & (weight > 0)).any():
        return None
    return tag("p", subject.words("cover.visible", share=float(np.average(seen[known], weights=weight[known]))))


def risk(subject: Subject) -> Markup:
    """Return the risk of the hectares, with maps and the highest ones."""
    w, current, told = subject.words, subject.run.current, subject.run.summary["risk"]
    expected, by_group, as_of = told["expected_items"], told["expected_items_by_group"], w("risk.before")
    if current.round is not None:
        of = current.round.summary
        expected, by_group = of["expected_items"], {g: n["expected_items"] for g, n in of["by_group"].items()}
        numbers = {"expected": expected, "removed": of["found_and_removed"], "left": of["remaining_items"]}
        as_of = w("risk.round", round=current.name, **numbers)
    total = tag("p", f"{expected:.3g} {w('risk.expected')}; {w('risk.by_group', **by_group)}.")
    some, items = current.band("p_at_least_one"), current.band("expected_items")
    maps = tag("div", band_map(subject, some, top=1.0), band_map(subject, items), class_="maps")
    return joined(
        tag("p", w("risk.about")), tag("p", as_of), total, maps, tag("h3", w("risk.highest")), _highest(subject)
    )


def _highest(subject: Subject) -> Markup:
    w, bands, grid, band = subject.words, subject.bands, subject.run.grid, subject.run.current.band
    expected = bands[band("expected_items")]
    flat = np.where(np.isfinite(expected), expected, -np.inf).ravel()
    order = [int(n) for n in np.argsort(-flat, kind="stable")[:MOST_CELLS] if np.isfinite(flat[n])]
    rows: list[list[str | Markup | None]] = []
    for number, n in enumerate(order, start=1):
        row, col = divmod(n, grid.cols)
        values: dict[str, Any] = {name: band[row, col] for name, band in bands.items()}
        west, south = grid.x_min + col * HECTARE_EDGE_M, grid.y_max - (row + 1) * HECTARE_EDGE_M
        rows.append(
            [
                f"E{west} N{south}" if subject.options.coordinates else str(number),
                f"{values[band('p_at_least_one')]:.3f}",
                f"{values['p_unseen']:.3f}",
                f"{values[band('expected_items')]:.3g}",
                f"{values[band('q05')]:.0f} – {values[band('q95')]:.0f}",
                f"{100 * values['searched_fraction']:.0f} %",
                f"{values['detections']:.0f}",
            ]
        )
    heads = ["cell", "p", "p_unseen", "items", "interval", "searched", "detections"]
    return table([w(f"risk.{h}") for h in heads], rows, numbers=set(range(1, 7)))
