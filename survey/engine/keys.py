"""Names for results: the hash of everything that decides a content."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict

from survey.values import Window


def canonical_json(value: object) -> str:
    """Return the one JSON text of a value of plain dicts, lists, tuples, strings and numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(value: object) -> str:
    """Return the hex SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def block_key(
    *,
    image_sha256: str,
    window: Window,
    plan: Mapping[str, object],
    model_sha256: str,
    parameters: Mapping[str, object],
    algorithm: str,
) -> str:
    """Return the key of a block: 64 hex digits over all that decides what a search of it yields.

    Args:
        image_sha256: Content of the image and of the files that it refers to.
        window: The block's core in working pixels.
        plan: Parameters of the tile plan: core, halo, stride, working GSD, which tiles are needed.
        model_sha256: Content of the model.
        parameters: Everything else: bands, nodata, threshold, AOI content, runtime, precision.
        algorithm: Version of the code's meaning; raise it when the same input shall give another result.
    """
    content = {
        "image": image_sha256,
        "window": asdict(window),
        "plan": dict(plan),
        "model": model_sha256,
        "parameters": dict(parameters),
        "algorithm": algorithm,
    }
    return digest(content)
