"""What a camera and an orthomosaic do to a picture: blur, resampling, noise, tone, compression."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def through_camera(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the crop as a camera of random quality would have recorded it. Same shape."""
    size = rgb.shape[1::-1]
    picture: NDArray[np.floating[Any]] = rgb.astype(np.float32)
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.3))
    if rng.random() < 0.15:
        picture = cv2.filter2D(picture, -1, _motion(rng))
    if rng.random() < 0.35:
        factor = rng.uniform(0.45, 0.95)
        smaller = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        picture = cv2.resize(smaller, size, interpolation=int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC])))
    picture = picture * rng.uniform(0.9, 1.1, 3) * rng.uniform(0.7, 1.35) + rng.uniform(-12, 12)
    picture = 255 * np.clip(picture / 255, 0, 1) ** rng.uniform(0.75, 1.35)
    grey = picture.mean(axis=2, keepdims=True)
    picture = grey + (picture - grey) * rng.uniform(0.6, 1.3)
    if rng.random() < 0.6:
        picture = picture + rng.normal(0, rng.uniform(1, 7), picture.shape)
    out = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        soft = cv2.GaussianBlur(out, (0, 0), 1.2)
        out = cv2.addWeighted(out, 1 + (amount := float(rng.uniform(0.2, 1.0))), soft, -amount, 0)
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 96))]
        out = cv2.imdecode(cv2.imencode(".jpg", out, quality)[1], cv2.IMREAD_UNCHANGED)
    return np.ascontiguousarray(out)


def _motion(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the kernel of a straight motion blur of 2 to 5 pixels."""
    kernel = np.zeros((7, 7), np.float32)
    angle, length = rng.uniform(0, np.pi), rng.uniform(1, 2.5)
    step = np.array([np.cos(angle), np.sin(angle)]) * length
    start, end = ((3 + sign * step) * 16 for sign in (-1, 1))
    cv2.line(kernel, tuple(int(v) for v in start), tuple(int(v) for v in end), 1.0, 1, cv2.LINE_AA, 4)
    return kernel / max(float(kernel.sum()), 1e-6)
