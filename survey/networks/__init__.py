"""The network, the backbones that ImageNet taught, and the libraries that run them."""

from survey.networks.network import (
    ARCHITECTURES,
    COARSE_STRIDE,
    FILL,
    HEAT_STRIDE,
    LATTICE_PX,
    MASK_STRIDE,
    Heads,
    SurveyNet,
)
from survey.networks.runtime import Precision, Runtime, RuntimeKind
from survey.networks.threads import one_thread

__all__ = [
    "ARCHITECTURES",
    "COARSE_STRIDE",
    "FILL",
    "HEAT_STRIDE",
    "LATTICE_PX",
    "MASK_STRIDE",
    "Heads",
    "Precision",
    "Runtime",
    "RuntimeKind",
    "SurveyNet",
    "one_thread",
]
