"""The notebooks run from the first cell to the last, and what they show agrees with what they write."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import cv2
import nbformat
import numpy as np
import pyogrio
import pytest
from nbclient import NotebookClient

from survey.export import verify_manifest

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
STATE = """
import json
print(json.dumps({
    "found": len(found), "missed": len(missed), "false_alarms": len(false_alarms),
    "exit_codes": [result.exit_code, blind.exit_code],
    "recall": model["recall"], "searched": hectares["searched_fraction"].tolist(),
    "p_unseen": hectares["p_unseen"].tolist(), "blind_p_unseen": blind_hectares["p_unseen"].tolist(),
    "nothing_seen": [float(unseen(1.0)[100 * tenths // 10]) for tenths in (0, 3, 6, 9)],
}))
"""
DISTRICT = """
import json
wood_cells = (shares[1] == 0) & (shares[0] == 1)
print(json.dumps({
    "wood_items": risk.expected_items[wood_cells].tolist(), "wood_prior": total[wood_cells].tolist(),
    "not_flown": [v if v == v else None for v in risk.expected_items[:, 9].tolist()],
    "rows": len(lines), "left": left, "held": held, "items": len(truth),
}))
"""


def outputs(notebook: Any, kind: str) -> list[Any]:
    """Return the outputs of a MIME type, in order."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [out.data[kind] for cell in cells for out in cell.outputs if kind in out.get("data", {})]


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_committed_without_outputs_and_without_a_verdict_on_land(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs"), cell.id
        assert cell.get("execution_count") is None, cell.id
        assert re.search(r"\b(un)?safe|\bclear(ed)?\b", cell.source, re.IGNORECASE) is None, cell.id


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that notebooks run in, with settings of their own."""
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def walked(name: str, here: Path, *, state: str) -> tuple[Any, Any]:
    """Run a notebook with a last cell that prints what it knows; return both."""
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(state))
    NotebookClient(notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(here)}}).execute()
    return notebook, json.loads(notebook.cells[-1].outputs[0].text)


def check_pictures(notebook: Any, *, count: int) -> None:
    """Every picture shows something, and no output judges land."""
    pictures = [np.frombuffer(base64.b64decode(png), np.uint8) for png in outputs(notebook, "image/png")]
    assert len(pictures) == count
    for picture in pictures:
        image = cv2.imdecode(picture, cv2.IMREAD_COLOR)
        assert image is not None
        assert image.std() > 10
    shown = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
    assert re.search(r"\b(un)?safe\b|\bcleared\b", shown, re.IGNORECASE) is None


@pytest.mark.slow
def test_first_flight(here: Path) -> None:
    notebook, state = walked("first-flight.ipynb", here, state=STATE)

    # What it counts agrees with the files that it leaves.
    folder = here / "runs" / "first-flight"
    assert verify_manifest(folder / "run" / "products") == ()
    truth = pyogrio.read_dataframe(folder / "flight" / "truth.gpkg", layer="items")
    sightings = pyogrio.read_dataframe(folder / "run" / "products" / "detections.gpkg", layer="detections")
    assert state["found"] + state["missed"] == len(truth) > 10
    assert state["found"] + state["false_alarms"] == len(sightings)

    # Part of a hectare was searched, and p_unseen is never below what such a search could have ruled out.
    assert len(state["searched"]) > 1
    for searched, p_unseen in zip(state["searched"], state["p_unseen"], strict=True):
        assert 0 < searched < 0.5
        effective = state["recall"] * searched
        assert p_unseen >= 1 - ((1 + effective) / 2) ** 0.5 - 1e-6
    assert state["nothing_seen"] == pytest.approx([0.293, 0.194, 0.106, 0.025], abs=5e-4)

    # Imagery that is too coarse teaches nothing: the prior stays, and the run says so.
    assert state["exit_codes"] == [0, 3]
    assert state["blind_p_unseen"] == pytest.approx([1 - 0.5**0.5] * len(state["p_unseen"]))

    check_pictures(notebook, count=6)


@pytest.mark.slow
def test_district(here: Path) -> None:
    notebook, state = walked("district.ipynb", here, state=DISTRICT)
    folder = here / "runs" / "district"
    assert verify_manifest(folder / "run" / "products") == ()
    assert verify_manifest(folder / "candidates") == ()

    # Ground that nobody searched keeps the prior of its evidence; ground that nobody flew is no data.
    assert state["wood_items"] == pytest.approx(state["wood_prior"], rel=1e-3)
    assert state["not_flown"] == [None] * 10

    # Rows are told, plan and proposals hold most of what is there, and what is left outside is said.
    assert state["rows"] >= 1
    assert state["left"] == state["items"] - state["held"]["proposals"]
    assert min(state["held"].values()) > 0.8 * state["items"]
    check_pictures(notebook, count=3)
