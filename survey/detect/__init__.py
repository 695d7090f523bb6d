"""Pixels to detections and ground disturbance."""

from survey.detect.background import CONTEXT_PX, SAMPLE_PX, WINDOWS, Background, BackgroundMeter
from survey.detect.detectability import Detectability
from survey.detect.detector import CORE_PX, Detector
from survey.detect.findings import Findings
from survey.detect.guard import merge_across_seams
from survey.detect.implants import ImplantsCard, ImplantSite
from survey.detect.load import load_detector
from survey.detect.model import DEFAULT_MODEL, ModelCard, load_card

__all__ = [
    "CONTEXT_PX",
    "CORE_PX",
    "DEFAULT_MODEL",
    "SAMPLE_PX",
    "WINDOWS",
    "Background",
    "BackgroundMeter",
    "Detectability",
    "Detector",
    "Findings",
    "ImplantSite",
    "ImplantsCard",
    "ModelCard",
    "load_card",
    "load_detector",
    "merge_across_seams",
]
