"""Summary, manifest, and what holds for every product."""

import hashlib
import json
import re
import shutil
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from survey.errors import InputError
from survey.export import summarise, verify_manifest, write_manifest, write_summary


@pytest.fixture
def copy(products: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(products, tmp_path / "products"))


def test_manifest_lists_every_product_with_its_hash(products: Path) -> None:
    content = json.loads((products / "MANIFEST.json").read_text())
    names = {path.name for path in products.iterdir()} - {"MANIFEST.json"}
    assert set(content["products"]) == names
    assert {"risk.tif", "disturbance.tif", "detections.gpkg", "summary.json"} < names
    for name, entry in content["products"].items():
        data = (products / name).read_bytes()
        assert entry == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert content["inputs"] == {"north.tif": "a" * 64}
    assert content["model"] == {"weights": "c" * 64}
    assert verify_manifest(products) == ()


def test_verify_names_what_changed(copy: Path) -> None:
    (copy / "risk.tif").write_bytes((copy / "risk.tif").read_bytes()[:-1] + b"x")
    (copy / "risk.qml").unlink()
    (copy / "notes.txt").write_text("mine")
    assert verify_manifest(copy) == (
        "notes.txt: not listed",
        "risk.qml: listed, but missing",
        "risk.tif: changed since the run",
    )


def test_hidden_files_are_unfinished_and_not_listed(copy: Path) -> None:
    (copy / ".risk.123.tmp.tif").write_bytes(b"half")
    assert verify_manifest(copy) == ()
    write_manifest(copy, run_id="r", inputs={}, model={})
    assert ".risk.123.tmp.tif" not in (copy / "MANIFEST.json").read_text()


@pytest.mark.parametrize("content", [None, "{", "[]", '{"products": 3}'])
def test_a_run_without_a_manifest_is_not_finished(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "MANIFEST.json").write_text(content)
    with pytest.raises(InputError, match="start"):
        verify_manifest(tmp_path)


def test_summary_adds_up(products: Path, case: Any) -> None:
    content = json.loads((products / "summary.json").read_text())
    assert content["cells"] == 6
    assert content["area_ha"]["searched"] == pytest.approx(6 * 0.63)
    assert content["detections"]["sightings"] == 6
    assert content["detections"]["items"] == 3
    assert sum(content["detections"]["items_by_class"].values()) == 3
    assert content["risk"]["expected_items"] == pytest.approx(np.nansum(case.risk.expected_items))
    assert content["grid"] == {"crs": "EPSG:32638", "x_min": 500_000, "y_max": 4_400_300, "shape": [3, 4]}


def test_summary_of_an_empty_survey(empty_case: Any) -> None:
    e = empty_case
    content = summarise(e.risk, searched=e.searched, detections=e.detections, items=e.items)
    assert content["detections"] == {"sightings": 0, "items": 0, "items_by_class": {"ap_mine": 0, "projectile": 0}}


def test_summary_is_plain_sorted_json(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write_summary(path, summary={"b": np.float32(0.5), "a": float("nan"), "c": [np.arange(2), Path("x")]})
    assert path.read_text() == (
        '{\n  "a": null,\n  "b": 0.5,\n  "c": [\n    [\n      0,\n      1\n    ],\n    "x"\n  ]\n}\n'
    )


def test_what_json_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="object"):
        write_summary(tmp_path / "summary.json", summary={"a": object()})
    assert not list(tmp_path.iterdir())


def test_only_the_owner_may_read_a_product(products: Path) -> None:
    for path in products.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_no_product_judges_land(products: Path) -> None:
    """Imagery proposes candidates; it never releases land."""
    for path in products.iterdir():
        words = re.findall(rb"(?i)(?<![a-z])(?:safe|clear|cleared|cancelled|canceled)(?![a-z])", path.read_bytes())
        assert not words, (path.name, words)
