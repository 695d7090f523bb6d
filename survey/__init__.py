"""From drone flight imagery to per-hectare explosive-ordnance risk.

Example:
    >>> import survey
    >>> detector = survey.load_detector("default")  # doctest: +SKIP
    >>> detections = detector.detect(image, gsd_m=0.01)  # doctest: +SKIP
    >>> result = survey.run(["flight.tif"], "out")  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from survey.config import RunConfig, load_config
    from survey.detect import Detector, load_detector
    from survey.errors import SurveyError
    from survey.pipeline import RunResult, describe, run
    from survey.values import Detections

__all__ = [
    "Detections",
    "Detector",
    "RunConfig",
    "RunResult",
    "SurveyError",
    "describe",
    "load_config",
    "load_detector",
    "run",
]

_HOMES = {
    "Detections": "survey.values",
    "Detector": "survey.detect",
    "RunConfig": "survey.config",
    "RunResult": "survey.pipeline",
    "SurveyError": "survey.errors",
    "describe": "survey.pipeline",
    "load_config": "survey.config",
    "load_detector": "survey.detect",
    "run": "survey.pipeline",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: `import survey` stays quick, and so does the command line."""
    if name not in _HOMES:
        msg = f"module 'survey' has no attribute '{name}'"
        raise AttributeError(msg)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
