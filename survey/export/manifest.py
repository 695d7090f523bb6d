"""Fingerprints of everything that went into a run and came out of it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from survey.errors import InputError
from survey.files import sha256_of, write_bytes

MANIFEST = "MANIFEST.json"


def write_manifest(
    folder: Path, *, run_id: str, inputs: Mapping[str, str], model: Mapping[str, str], notes: Sequence[str] = ()
) -> Path:
    """Write MANIFEST.json over every file of a folder of products. Call it last: it vouches for the others.

    Args:
        folder: Folder of finished products.
        run_id: Name of the run.
        inputs: SHA-256 of each input by its name.
        model: SHA-256 of each file of the model by its name.
        notes: What whoever takes over the products has to know of the inputs, one line each.
    """
    products = {
        name: {"bytes": (folder / name).stat().st_size, "sha256": sha256_of(folder / name)}
        for name in _product_names(folder)
    }
    content = {"inputs": dict(inputs), "model": dict(model), "products": products, "run_id": run_id}
    if notes:
        content["notes"] = list(notes)
    path = folder / MANIFEST
    write_bytes(path, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n")
    return path


def name_by(*made_from: object) -> str:
    """Return 16 hex digits that name products by what they were made from, which JSON has to know."""
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:16]


def listed_products(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each product by its name, as the manifest of a folder lists them.

    Raises:
        InputError: There is no manifest, or it cannot be read.
    """
    path = folder / MANIFEST
    try:
        products = json.loads(path.read_bytes())["products"]
        return {str(name): str(entry["sha256"]) for name, entry in products.items()}
    except FileNotFoundError as error:
        msg = f"{path} is missing: the run did not finish; start it again to complete it"
        raise InputError(msg) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{path} is not a manifest of this program ({error}); start the run again to write a new one"
        raise InputError(msg) from error


def verify_manifest(folder: Path) -> tuple[str, ...]:
    """Return what differs between a folder of products and its manifest, one line each; nothing if all is well.

    Raises:
        InputError: There is no manifest, or it cannot be read.
    """
    expected = listed_products(folder)
    present = set(_product_names(folder))
    problems = [f"{name}: listed, but missing" for name in expected if name not in present]
    problems += [f"{name}: not listed" for name in present if name not in expected]
    changed = [name for name in expected if name in present and sha256_of(folder / name) != expected[name]]
    return tuple(sorted(problems + [f"{name}: changed since the run" for name in changed]))


def _product_names(folder: Path) -> list[str]:
    """Return the finished files of a folder; hidden names are files still being written."""
    names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    finished = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    return sorted(name.as_posix() for name in finished if name.as_posix() != MANIFEST)
