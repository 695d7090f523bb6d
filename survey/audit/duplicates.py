"""Copies of a picture: the same pixels, or another size or compression of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from survey.audit.finding import Check, Coverage, Finding, Severity, Spot
from survey.audit.pictures import Group, View

GREY_PX = 32
BITS_EDGE = 8
NEAR_BITS = 8
"""Hashes that differ in no more bits are copies. Of 167 real pictures of five sites, smaller, larger, brighter and
JPEG copies (down to 0.3 of the size and quality 20) differed in at most 6 bits, pictures of different sites in 18 and
more; one frame and the next of a hovering drone may be as near as copies, and leak as much."""
LEAST_CONTRAST = 2.0
"""Standard deviation in grey levels, of the reduced picture; below it the hash is a hash of noise."""


@dataclass(frozen=True, slots=True)
class Print:
    """What a view is recognised by."""

    spot: Spot
    group: Group
    sha256: str
    """Of its shape and pixels."""
    bits: int | None
    """Perceptual hash of 64 bits; None where it would say nothing."""
    labels: int


def print_of(view: View, *, spot: Spot, group: Group) -> Print:
    """Return what a view is recognised by."""
    digest = hashlib.sha256(repr(view.rgb.shape).encode())
    digest.update(np.ascontiguousarray(view.rgb).data)
    bits = perceptual_hash(view.rgb) if view.imaged else None  # an edge of nodata would be all that it shows
    return Print(spot, group, digest.hexdigest(), bits, len(view.items.classes))


def perceptual_hash(rgb: NDArray[np.uint8]) -> int | None:
    """Return 64 bits that stay the same when a picture is resized, compressed or brightened; None without contrast.

    They say which of the 8 × 8 lowest frequencies of the picture, reduced to 32 × 32 grey pixels, lie above their
    median: Zauner, Implementation and benchmarking of perceptual image hash functions, 2010.
    """
    grey = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (GREY_PX, GREY_PX), interpolation=cv2.INTER_AREA)
    if np.std(grey) < LEAST_CONTRAST:
        return None
    low = dctn(grey.astype(np.float64), norm="ortho")[:BITS_EDGE, :BITS_EDGE]
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def find_copies(prints: Sequence[Print]) -> tuple[list[Finding], Coverage]:
    """Return a finding for each view that an earlier one repeats: the one in another group, else the most alike."""
    bits = np.array([p.bits or 0 for p in prints], np.uint64)
    hashed = np.array([p.bits is not None for p in prints], bool)
    groups = {group: n for n, group in enumerate(dict.fromkeys(p.group for p in prints))}
    group = np.array([groups[p.group] for p in prints], np.intp)
    shas = {sha: n for n, sha in enumerate(dict.fromkeys(p.sha256 for p in prints))}
    sha = np.array([shas[p.sha256] for p in prints], np.intp)
    findings = []
    for n in range(1, len(prints)):
        same = sha[:n] == sha[n]
        apart = np.where(hashed[:n] & hashed[n], np.bitwise_count(bits[:n] ^ bits[n]), 65)
        apart = np.where(same, 0, apart)
        alike = np.flatnonzero(apart <= NEAR_BITS)
        if len(alike):
            best = alike[np.lexsort((alike, apart[alike], ~same[alike], group[alike] == group[n]))[0]]
            findings.append(_copy(prints[n], prints[best], same=bool(same[best]), apart=int(apart[best])))
    left_out = []
    if flat := int((~hashed).sum()):
        left_out.append(
            f"{flat} pictures or parts have too little contrast or ground for the perceptual hash; "
            "only pixel for pixel copies of them are found"
        )
    return findings, Coverage(Check.DUPLICATES, len(prints), "pictures", tuple(left_out))


def _copy(own: Print, other: Print, *, same: bool, apart: int) -> Finding:
    differ = [
        f"another {name} ({theirs})"
        for name, mine, theirs in zip(Group._fields, own.group, other.group, strict=True)
        if mine != theirs
    ]
    how = "pixel for pixel the same as" if same else f"nearly the same as ({apart} of 64 bits differ)"
    where = f"in {', '.join(differ)}: whatever is split by it leaks" if differ else "in the same folder"
    severity = Severity.ERROR if differ else Severity.INFO
    words = f"{how} {other.spot.file}, {where}"
    if same and own.labels != other.labels:
        words += f"; and one has {own.labels} labels, the other {other.labels}"
        severity = Severity.ERROR
    numbers = {"bits": apart, "labels": own.labels, "labels_of_other": other.labels}
    return Finding(Check.DUPLICATES, severity, own.group.site, own.spot, words, numbers, beside=other.spot)
