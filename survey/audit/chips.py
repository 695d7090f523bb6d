"""Pictures of findings for the report: the place with its box, as a data URI."""

import base64
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from survey.audit.finding import Finding, Place, Spot
from survey.audit.pictures import Look, Picture
from survey.errors import ConfigError, InputError

CHIP_PX = 180
QUALITY = 88
_BOX, _OTHER = (255, 60, 200), (60, 220, 255)
"""Colours that ground does not have: the box of the finding, and the one it is compared with."""


def chips_of(findings: Sequence[Finding], pictures: Mapping[str, Picture]) -> list[list[str]]:
    """Return the chips of each finding as data URIs, none where there is nothing to show.

    A pair of boxes in one file is one chip, a pair of files two. Each file is decoded once.
    """
    asked: dict[str, dict[Spot, None]] = {}
    for finding in findings:
        for spot in _spots(finding):
            asked.setdefault(spot.file, {})[spot] = None
    shown: dict[Spot, Look] = {}
    for file, spots in asked.items():
        if file not in pictures:
            continue
        try:
            looks = pictures[file].looks([spot.place for spot in spots])
        except (InputError, ConfigError):  # that it cannot be read is a finding of its own
            continue
        shown |= {spot: look for spot, look in zip(spots, looks, strict=True) if look is not None}
    return [[_drawn(shown[spot], spot, finding) for spot in _spots(finding) if spot in shown] for finding in findings]


def _spots(finding: Finding) -> tuple[Spot, ...]:
    """Return the places to show."""
    other = finding.beside
    if other is None or other.file == finding.spot.file:
        return (finding.spot,)
    return finding.spot, other


def _drawn(look: Look, spot: Spot, finding: Finding) -> str:
    factor = CHIP_PX / look.rgb.shape[0]
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    chip = cv2.resize(look.rgb, (CHIP_PX, CHIP_PX), interpolation=method)
    other = finding.beside
    boxes: list[tuple[Place | None, tuple[int, int, int]]] = [(spot.place, _BOX)]
    if other is not None and other.file == spot.file:
        boxes.insert(0, (other.place, _OTHER))
    for place, colour in boxes:
        if place is not None:
            top, left, bottom, right = (
                round((v - first) * factor)
                for v, first in zip(place, (look.top, look.left, look.top, look.left), strict=True)
            )
            cv2.rectangle(chip, (left, top), (right, bottom), colour, 1)
    # Without subsampling of colours, or the boxes' thin lines would fade.
    how = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    how += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    done, jpeg = cv2.imencode(".jpg", cv2.cvtColor(chip, cv2.COLOR_RGB2BGR), how)
    assert done
    return f"data:image/jpeg;base64,{base64.b64encode(np.asarray(jpeg).tobytes()).decode()}"
