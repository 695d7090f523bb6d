"""Where the data files that travel with the package lie: default configurations and released models."""

from pathlib import Path

from survey.errors import InputError

_PACKAGE = Path(__file__).resolve().parent


def configs_folder() -> Path:
    """Return the folder with one default YAML per kind of run.

    Raises:
        InputError: The installation holds no such folder.
    """
    return _folder("configs")


def models_folder() -> Path:
    """Return the folder with one folder per released model.

    Raises:
        InputError: The installation holds no such folder.
    """
    return _folder("models")


def _folder(name: str) -> Path:
    """Prefer what a wheel packed inside the package; a checkout keeps it beside the package."""
    for folder in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    msg = f"{_PACKAGE}: the installation lacks its {name}/ folder; install the package again"
    raise InputError(msg)
