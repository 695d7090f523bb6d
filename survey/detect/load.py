"""From a released model to a detector: files read and checked, runtimes chosen."""

from copy import deepcopy
from pathlib import Path

from survey.detect.detector import CORE_PX, Detector
from survey.detect.model import ModelCard, find_model, load_card, load_network, model_sha256
from survey.detect.second_look import SecondLooker
from survey.networks import Precision, RuntimeKind, SurveyNet
from survey.networks.close_up import CloseUp, Middle
from survey.networks.runtime import make_runtime
from survey.networks.view_runtime import make_view_runtime
from survey.novelty import NoveltyMeter
from survey.novelty.meter import load_reference, signer_of
from survey.resources import models_folder


def load_detector(
    model: str | Path = "default",
    *,
    runtime: RuntimeKind | str = RuntimeKind.AUTO,
    precision: Precision | str = Precision.AUTO,
    threads: int = 0,
    core_px: int = CORE_PX,
) -> Detector:
    """Load a released model by id (`default` for the default one) or a model folder by path.

    Args:
        model: Id or folder.
        runtime: `auto`, `torch` or `openvino`.
        precision: Of the first look, `auto`, `fp32` or `bf16`; a second one is float32.
        threads: CPU threads of both looks; 0 leaves the library's choice.
        core_px: Working pixels along a tile's core; a multiple of 16.

    Raises:
        ModelError: No such model, or its files do not fit each other.
        ConfigError: The runtime is not installed.
    """
    folder = find_model(model, models=models_folder())
    card = load_card(folder)
    network = load_network(folder, card)
    novelty = None
    if card.novelty is not None:
        novelty = NoveltyMeter(signer_of(network, gsd_m=card.gsd_m), load_reference(folder, card.novelty))
    kind = RuntimeKind(runtime)
    looker = _looker_of(network, card, kind=kind, threads=threads)
    chosen = make_runtime(network, kind=kind, precision=Precision(precision), threads=threads)
    sha256 = model_sha256(folder, card)
    return Detector(card, chosen, sha256=sha256, core_px=core_px, novelty=novelty, looker=looker)


def _looker_of(network: SurveyNet, card: ModelCard, *, kind: RuntimeKind, threads: int) -> SecondLooker | None:
    """Return what looks at places again, with a copy of the backbone, for a runtime may change its precision."""
    if (look := network.second_look) is None or card.second_look is None:
        return None
    views = make_view_runtime(CloseUp(deepcopy(network.trunk.backbone), look.deep), kind=kind, threads=threads)
    near = None
    if card.second_look.near is not None:
        near = make_view_runtime(Middle(deepcopy(network.trunk.backbone)), kind=kind, threads=threads)
    return SecondLooker(views, look, card.second_look, gsd_m=card.gsd_m, near=near)
