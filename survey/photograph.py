"""Pictures that people label: ordinary files of any kind that a camera or an editor writes."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.errors import InputError

DARK_LEVEL = 2**14
"""A picture of 16 bit none of whose values reaches this holds 10 to 14 bit: by its range it would be nearly black."""
JPEG_START, JPEG_SCAN, JPEG_END = b"\xff\xd8", 0xDA, b"\xff\xd9"


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Decode a picture, uint8 (H, W, 3), RGB, turned as its EXIF says; 16 bit are reduced by their whole range.

    Raises:
        InputError: It cannot be decoded, is cut off, or its values do not fill their range.
    """
    content = path.read_bytes() if path.is_file() else b""
    if cut_off(content):
        msg = f"{path}: is a JPEG without its end, so a part would be grey; copy or download it again"
        raise InputError(msg)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH  # with IMREAD_COLOR_RGB, OpenCV 5.0 reads TIFF of 16 bit as noise
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), flags) if content else None
    if picture is None:
        msg = f"{path}: cannot be read as a picture; check the path and the file"
        raise InputError(msg)
    picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
    if picture.dtype == np.uint8:
        return np.asarray(picture, np.uint8)
    if picture.dtype != np.uint16 or picture.max() < DARK_LEVEL:
        msg = f"{path}: holds {picture.dtype} up to {picture.max():g}, which is no usual picture; save it with 8 bit"
        raise InputError(msg)
    return np.asarray(picture >> 8, np.uint8)


def cut_off(content: bytes) -> bool:
    """Tell whether a file is a JPEG that ends in the middle of its pixels. A decoder paints what is missing grey.

    Segments before the pixels say how long they are, and among the pixels the end's two bytes cannot occur (ITU-T
    T.81, B.1.1.5), so a preview in front of them or behind them is not taken for the picture.
    """
    if not content.startswith(JPEG_START):
        return False
    at = len(JPEG_START)
    while at + 4 <= len(content) and content[at] == 0xFF:
        kind = content[at + 1]
        if kind == JPEG_SCAN:
            return content.find(JPEG_END, at) < 0
        at += 1 if kind == 0xFF else 2 + int.from_bytes(content[at + 2 : at + 4], "big")  # 0xFF alone fills up
    return at + 4 > len(content)
