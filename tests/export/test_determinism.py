"""The same values give the same bytes, at any time and over old files."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_two_runs_write_the_same_bytes(
    products: Path, case: Any, write_products: Callable[[Path, Any], Path], tmp_path: Path
) -> None:
    time.sleep(1.1)  # a stamp in whole seconds would differ; SQLite and GDAL ask the system, so no patched clock does
    again = write_products(tmp_path / "products", case)
    assert {p.name for p in again.iterdir()} == {p.name for p in products.iterdir()}
    for path in sorted(products.iterdir()):
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_writing_over_old_products_changes_nothing(
    case: Any, write_products: Callable[[Path, Any], Path], tmp_path: Path
) -> None:
    first = {path.name: path.read_bytes() for path in write_products(tmp_path, case).iterdir()}
    second = {path.name: path.read_bytes() for path in write_products(tmp_path, case).iterdir()}
    assert first == second
