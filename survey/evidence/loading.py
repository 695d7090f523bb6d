"""Read the layers' YAML."""

from pathlib import Path

from survey.config import read_nested
from survey.evidence.config import EvidenceConfig


def load_evidence(path: str | Path) -> EvidenceConfig:
    """Return the configuration in a file; the paths in it are relative to the file's folder.

    Raises:
        ConfigError: The file cannot be read, a key is unknown, missing or twice, or a value does not fit.
    """
    path = Path(path)
    return read_nested(EvidenceConfig, path, example="configs/evidence.yaml").below(path.parent)
