"""Arrays as bytes: the same arrays give the same bytes, so that a part can be named by its hash.

`numpy.savez` writes the same format, but leaves order and layout to its caller and its version.
"""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.errors import InputError

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a zip archive can state."""


def pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the arrays as a compressed `.npz`, in the order of their names.

    Raises:
        ValueError: An array holds Python objects.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in sorted(arrays):
            member = io.BytesIO()
            # ascontiguousarray would make a scalar an array of one
            np.lib.format.write_array(member, np.asarray(arrays[name], order="C"), (1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            entry.create_system = 3
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, member.getvalue(), compresslevel=6)
    return stream.getvalue()


def unpack(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of a packed part by name.

    Raises:
        InputError: The bytes are no such archive.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, ValueError, EOFError, AttributeError) as error:
        msg = f"a part file of {len(content)} bytes is no archive of arrays; start over with --no-resume"
        raise InputError(msg) from error
