from pathlib import Path

import pytest

from survey import resources
from survey.errors import InputError


def test_a_checkout_keeps_its_data_beside_the_package() -> None:
    assert (resources.configs_folder() / "run.yaml").is_file()


def test_what_a_wheel_packed_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "configs").mkdir()
    package = tmp_path / "survey"
    monkeypatch.setattr(resources, "_PACKAGE", package)
    assert resources.configs_folder() == tmp_path / "configs"
    (package / "_data" / "configs").mkdir(parents=True)
    assert resources.configs_folder() == package / "_data" / "configs"
    with pytest.raises(InputError, match="install the package again"):
        resources.models_folder()
