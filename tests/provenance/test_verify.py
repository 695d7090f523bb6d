"""What `survey verify` says of a run that is as it was, and of one that is not."""

import json
import shutil
from pathlib import Path

import pytest

from survey.detect import DEFAULT_MODEL
from survey.errors import InputError
from survey.export import write_manifest
from survey.provenance import verify
from tests.finished import NAMES, Finished


def words(finished: Finished, **options: object) -> list[str]:
    told = verify(finished.folder, images=[finished.images], model=str(finished.model), **options)
    return [str(finding) for finding in told.findings]


def test_an_untouched_run_is_unchanged(finished: Finished) -> None:
    told = verify(finished.folder, model=str(finished.model))
    assert told.findings == ()
    assert told.exit_code(strict=True) == 0
    assert told.counts["images"] == 2
    assert told.counts["model files"] == 1
    manifest = json.loads((finished.folder / "products" / "MANIFEST.json").read_text())
    assert told.counts["products"] == len(manifest["products"])
    assert told.counts["blocks"] == len(list((finished.folder / "blocks").glob("*/[0-9a-f]*.json")))


def test_each_change_is_named(finished: Finished, tmp_path: Path) -> None:
    copy = finished.copy(tmp_path)
    part = min((copy.folder / "blocks").glob("*/*.npz"))
    receipt = part.with_suffix(".json")
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    with (copy.folder / "products" / "risk.tif").open("ab") as file:
        file.write(b"x")
    assert any(f"{part.stem}.npz: the part is damaged" in line for line in words(copy))
    assert "products: risk.tif: changed since the run" in words(copy)
    assert verify(copy.folder, model=str(finished.model)).exit_code() == 3
    receipt.unlink()
    assert f"blocks: {receipt.stem}: there is a part without a receipt" in words(copy)
    assert any("receipts say" in line for line in words(copy))
    other = max((copy.folder / "blocks").glob("*/*.npz"))
    other.unlink()
    assert any(f"{other.stem}.npz: the part is missing" in line for line in words(copy))


def test_imagery_is_compared_by_content_wherever_it_lies(finished: Finished, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(finished.images, moved)
    copy = finished.copy(tmp_path)
    record = json.loads((copy.folder / "run.json").read_text())
    record["notes"]["inputs"] = ["gone/a.tif", "gone/b.tif"]
    (copy.folder / "run.json").write_text(json.dumps(record))
    absent = verify(copy.folder, model=str(finished.model))
    assert absent.changed == ()
    assert len(absent.unchecked) == 2
    assert (absent.exit_code(), absent.exit_code(strict=True)) == (0, 3)
    assert verify(copy.folder, images=[moved], model=str(finished.model)).findings == ()
    with (moved / NAMES[1]).open("ab") as file:
        file.write(b" ")
    told = verify(copy.folder, images=[moved], model=str(finished.model))
    assert [str(f) for f in told.changed] == [f"imagery: {NAMES[1]}: changed since the run"]


def test_another_model_or_other_weights_are_named(finished: Finished, tmp_path: Path) -> None:
    model = Path(shutil.copytree(finished.model, tmp_path / "model"))
    with (model / "model.yaml").open("a") as file:
        file.write("\n# touched\n")
    told = verify(finished.folder, model=str(model))
    assert [str(f) for f in told.changed] == ["model: toy: card and weights together are not those of the run"]
    other = verify(finished.folder, model="default")
    assert f"is model {DEFAULT_MODEL}, the run's is toy" in str(other.changed[0])
    unknown = verify(finished.folder)
    assert not unknown.changed
    assert unknown.unchecked[0].subject == "model"


def test_a_damaged_record_of_the_run_is_an_error(finished: Finished, tmp_path: Path) -> None:
    copy = finished.copy(tmp_path)
    record = json.loads((copy.folder / "run.json").read_text())
    record["identity"]["config"]["prior_shape"] = 9.0
    (copy.folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(Exception, match="is damaged"):
        verify(copy.folder)


def test_rounds_and_other_folders_with_a_manifest(finished: Finished, tmp_path: Path) -> None:
    copy = finished.copy(tmp_path)
    folder = copy.folder / "rounds" / "001"
    folder.mkdir(parents=True)
    (folder / "risk.tif").write_bytes(b"1")
    write_manifest(folder, run_id="r", inputs={}, model={})
    assert verify(folder).findings == ()
    assert words(copy) == []
    (folder / "risk.tif").write_bytes(b"2")
    assert [str(f) for f in verify(folder).findings] == ["products: risk.tif: changed since the run"]
    assert words(copy) == ["rounds/001: risk.tif: changed since the run"]
    with pytest.raises(InputError, match="missing"):
        verify(tmp_path)
