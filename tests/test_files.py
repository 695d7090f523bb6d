import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from survey.errors import OutputError, explain
from survey.files import make_folder, replacing, temporary_beside


def test_two_writers_with_the_same_process_id_do_not_share_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 1)  # as in two containers on one file system
    path = tmp_path / "a.tif"
    with replacing(path) as first, replacing(path) as second:
        assert first != second
        first.write_bytes(b"1")
        second.write_bytes(b"2")
    assert path.read_bytes() == b"1"
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


def test_temporaries_keep_the_suffix_and_are_hidden(tmp_path: Path) -> None:
    path = temporary_beside(tmp_path / "a.tif", purpose=".streamed")
    assert (path.parent, path.suffix, path.name[0]) == (tmp_path, ".tif", ".")
    assert path.name.endswith(".tmp.streamed.tif")


def test_what_is_written_is_its_owners_from_the_first_byte(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from survey.files import write_bytes\n"
        "def look(handle, mode):\n"
        "    print(oct(os.fstat(handle).st_mode & 0o777), flush=True)\n"
        "    os._exit(0)\n"
        "os.umask(0)\n"
        "os.fdopen = look\n"
        "write_bytes(Path(sys.argv[1]), b'secret')\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.json")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "0o600\n"


def test_a_folder_that_cannot_be_is_told_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/out: the folder cannot be made \(Not a directory\); name one where"):
        make_folder(tmp_path / "file" / "out")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO, errno.ENOENT])
def test_errors_of_the_system_are_explained(number: int) -> None:
    where, rest = explain(OSError(number, os.strerror(number), "out/a.tif")).split(": ", 1)
    what, remedy = rest.split("; ", 1)
    assert (where, what) == ("out/a.tif", os.strerror(number))
    assert remedy
    assert explain(OSError("odd")).startswith("odd; check")
