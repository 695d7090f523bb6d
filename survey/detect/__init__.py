"""Pixels to detections and ground disturbance."""

from survey.detect.background import CONTEXT_PX, SAMPLE_PX, WINDOWS, Background, BackgroundMeter
from survey.detect.detectability import Detectability
from survey.detect.detector import CORE_PX, Detector
from survey.detect.findings import Findings
from survey.detect.guard import merge_across_seams
from survey.detect.implants import ImplantsCard, ImplantSite
from survey.detect.load import load_detector
from survey.detect.model import DEFAULT_MODEL, ModelCard, load_card
from survey.detect.network import FILL, HEAT_STRIDE, LATTICE_PX, MASK_STRIDE
from survey.detect.novelty import NoveltyMeter, Verdict
from survey.detect.runtime import Precision, RuntimeKind
from survey.detect.signature import WINDOW_PX, Signature

__all__ = [
    "CONTEXT_PX",
    "CORE_PX",
    "DEFAULT_MODEL",
    "FILL",
    "HEAT_STRIDE",
    "LATTICE_PX",
    "MASK_STRIDE",
    "SAMPLE_PX",
    "WINDOWS",
    "WINDOW_PX",
    "Background",
    "BackgroundMeter",
    "Detectability",
    "Detector",
    "Findings",
    "ImplantSite",
    "ImplantsCard",
    "ModelCard",
    "NoveltyMeter",
    "Precision",
    "RuntimeKind",
    "Signature",
    "Verdict",
    "load_card",
    "load_detector",
    "merge_across_seams",
]
