"""What a file's own bytes say before GDAL opens it: does it lead elsewhere, and are its directories all there?"""

import struct
from pathlib import Path
from xml.etree import ElementTree as ET

from survey.errors import InputError

_HEAD = 4096
_SOURCES = ("SourceFilename", "SourceDataset")
_ENDIAN = {b"II": "<", b"MM": ">"}
_MOST_DIRECTORIES = 4096


def refuse_elsewhere(path: Path) -> None:
    """Refuse files that make GDAL read what is no plain file: over a network, or in an archive.

    What is read there could change unseen, and asking for it tells where somebody looks.

    Raises:
        InputError: The file, or one that a VRT refers to, leads elsewhere.
    """
    _refuse(path, seen=set())


def _refuse(path: Path, *, seen: set[Path]) -> None:
    if path in seen or not path.is_file():
        return
    seen.add(path)
    with path.open("rb") as file:
        head = file.read(_HEAD).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"<VRTDataset"):
        for name, relative in _sources(path):
            if name.startswith(("/vsi", "<")) or "://" in name:
                msg = f"{path}: refers to {name[:80]}, which is no plain file; fetch or unpack it, and refer to that"
                raise InputError(msg)
            _refuse(path.parent / name if relative else Path(name), seen=seen)
    elif head.startswith((b"<", b"{")):
        msg = f"{path}: describes imagery that lies elsewhere and holds none; fetch it as a GeoTIFF"
        raise InputError(msg)


def _sources(path: Path) -> list[tuple[str, bool]]:
    """Return (name, whether it is relative to the VRT) of what a VRT refers to; nothing if it is damaged."""
    try:
        root = ET.fromstring(path.read_bytes())  # noqa: S314 - expat stops at entities that grow
    except ET.ParseError:
        return []  # GDAL says what is wrong with it
    found = [element for name in _SOURCES for element in root.iter(name)]
    return [((e.text or "").strip(), e.get("relativeToVRT", e.get("relativetoVRT", "0")) == "1") for e in found]


def directories_whole(path: Path) -> bool:
    """Tell whether a TIFF's directories all lie within the file; true of other files.

    GDAL takes the directories up to the first that is missing, and with them a mask may be lost without a word.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
        if (order := _ENDIAN.get(head[:2])) is None or len(head) < 8:
            return True
        magic = struct.unpack(order + "H", head[2:4])[0]
        if magic not in {42, 43} or (magic == 43 and len(head) < 16):
            return True
        counted, entry, offset = ("H", 12, "I") if magic == 42 else ("Q", 20, "Q")
        (place,) = struct.unpack(order + offset, head[4:8] if magic == 42 else head[8:16])
        for _ in range(_MOST_DIRECTORIES):
            if place == 0:
                return True
            width, link = struct.calcsize(order + counted), struct.calcsize(order + offset)
            if place + width > size:
                return False
            file.seek(place)
            (count,) = struct.unpack(order + counted, file.read(width))
            after = place + width + count * entry
            if after + link > size:
                return False
            file.seek(after)
            (place,) = struct.unpack(order + offset, file.read(link))
    return True
