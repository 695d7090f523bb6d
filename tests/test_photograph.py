"""Pictures of every usual kind read alike; what would be read wrongly is refused."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from survey.errors import InputError
from survey.photograph import cut_off, read_picture


@pytest.fixture
def rgb() -> NDArray[np.uint8]:
    coarse = np.random.default_rng(1).integers(0, 256, (8, 12, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (120, 80), interpolation=cv2.INTER_CUBIC), np.uint8)


def test_kinds_of_pictures_read_alike(rgb: NDArray[np.uint8], tmp_path: Path) -> None:
    picture = Image.fromarray(rgb)
    picture.save(tmp_path / "plain.png")
    picture.convert("RGBA").save(tmp_path / "alpha.png")
    cv2.imwrite(str(tmp_path / "deep.png"), rgb[..., ::-1].astype(np.uint16) * 257)
    picture.save(tmp_path / "photo.jpg", quality=95)
    picture.save(tmp_path / "progressive.jpg", quality=95, progressive=True)
    picture.convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    turned = Image.Exif()
    turned[0x112] = 6
    picture.rotate(90, expand=True).save(tmp_path / "turned.jpg", quality=95, exif=turned)
    for path in sorted(tmp_path.iterdir()):
        read = read_picture(path)
        assert read.shape == rgb.shape, path.name
        assert np.abs(read.astype(int) - rgb).mean() < 4, path.name


def test_a_jpeg_without_its_end_is_refused(rgb: NDArray[np.uint8], tmp_path: Path) -> None:
    with_preview = Image.Exif()
    with_preview[0x10F] = "\xff\xd9"  # what an EXIF preview holds too
    for kind in ({}, {"progressive": True}, {"exif": with_preview}):
        Image.fromarray(rgb).save(tmp_path / "whole.jpg", quality=90, **kind)
        content = (tmp_path / "whole.jpg").read_bytes()
        assert not cut_off(content)
        assert not cut_off(content + b"what a camera adds")
        for kept in (3, 30, len(content) // 2, len(content) - 1):
            (tmp_path / "part.jpg").write_bytes(content[:kept])
            with pytest.raises(InputError, match=r"part\.jpg: is a JPEG without its end.*; copy"):
                read_picture(tmp_path / "part.jpg")


def test_deep_pictures_that_do_not_fill_their_range_are_refused(rgb: NDArray[np.uint8], tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "twelve.tif"), rgb.astype(np.uint16) * 16)
    with pytest.raises(InputError, match=r"twelve\.tif: holds uint16 up to 4080.*save it with 8 bit"):
        read_picture(tmp_path / "twelve.tif")
    for name, content in (("empty.jpg", b""), ("text.png", b"hello")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}: cannot be read as a picture"):
            read_picture(tmp_path / name)
    with pytest.raises(InputError, match=r"none\.png: cannot be read"):
        read_picture(tmp_path / "none.png")
