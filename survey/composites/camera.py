"""What a camera and an orthomosaic do to a picture: blur, resampling, tone, noise, sharpening, compression."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
COARSEST = 2.2
"""Width of a camera's pixels at most, in pixels of the crop."""


def through_camera(rgb: Picture, rng: np.random.Generator, *, coarsest: float = COARSEST) -> Picture:
    """Return the crop (S, S, 3) as a camera of random quality would have recorded it. Same shape.

    Now and then its pixels are up to `coarsest` times as wide as the crop's.
    """
    size = rgb.shape[1::-1]
    if rng.random() < 0.5:
        rgb = _u8(cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.3, 1.3)))
    if rng.random() < 0.15:
        rgb = _u8(cv2.filter2D(rgb, -1, _motion(rng)))
    if rng.random() < 0.35:
        factor = rng.uniform(1 / coarsest, 0.95)
        smaller = cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        rgb = _u8(cv2.resize(smaller, size, interpolation=int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC]))))
    rgb = _toned(rgb, rng)
    if rng.random() < 0.6:
        noise = rng.standard_normal(rgb.shape, np.float32) * np.float32(rng.uniform(1, 7))
        rgb = _u8(cv2.add(rgb, noise, dtype=cv2.CV_8U))
    if rng.random() < 0.3:
        soft = cv2.GaussianBlur(rgb, (0, 0), 1.2)
        rgb = _u8(cv2.addWeighted(rgb, 1 + (amount := float(rng.uniform(0.2, 1.0))), soft, -amount, 0))
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 96))]
        rgb = _u8(cv2.imdecode(cv2.imencode(".jpg", rgb, quality)[1], cv2.IMREAD_UNCHANGED))
    return np.ascontiguousarray(rgb)


def _toned(rgb: Picture, rng: np.random.Generator) -> Picture:
    """Return the picture with another white balance, saturation, exposure, haze and contrast; now and then far off."""
    far = 1.7 if rng.random() < 0.2 else 1.0
    balance = np.exp(rng.normal(0, 0.045 * far, 3)) * np.exp(rng.normal(0, 0.16 * far))
    colourful = 0.0 if rng.random() < 0.03 else min(2.0, float(np.exp(rng.normal(0, 0.28 * far))))
    mix = np.full((3, 3), (1 - colourful) / 3) + colourful * np.eye(3)
    haze = rng.uniform(-10, 12) * far
    matrix = np.hstack([np.diag(balance) @ mix, np.full((3, 1), haze)]).astype(np.float32)
    mixed = cv2.transform(rgb, matrix)
    curve = 255 * (np.arange(256) / 255) ** np.exp(rng.normal(0, 0.18))
    return _u8(cv2.LUT(mixed, curve.round().astype(np.uint8)))


def _motion(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the kernel of a straight motion blur of 2 to 5 pixels."""
    kernel = np.zeros((7, 7), np.float32)
    angle, length = rng.uniform(0, np.pi), rng.uniform(1, 2.5)
    step = np.array([np.cos(angle), np.sin(angle)]) * length
    start, end = ((3 + sign * step) * 16 for sign in (-1, 1))
    cv2.line(kernel, tuple(int(v) for v in start), tuple(int(v) for v in end), 1.0, 1, cv2.LINE_AA, 4)
    return kernel / max(float(kernel.sum()), 1e-6)


def _u8(picture: Any) -> Picture:
    return np.asarray(picture, np.uint8)
