"""The model that a training starts from, where it does not start from ImageNet."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from survey.detect.model import ModelCard, find_model, load_card, load_network
from survey.errors import ConfigError
from survey.networks import ARCHITECTURES
from survey.networks.close_up import SecondLook
from survey.resources import models_folder
from survey.train.config import TrainConfig
from survey.values import CLASSES


@dataclass(frozen=True, slots=True)
class Start:
    """Weights to start from, and where they come from; all None where ImageNet's are taken."""

    card: ModelCard | None = None
    state: Mapping[str, Tensor] | None = None
    """Without the second look."""
    second_look: SecondLook | None = None
    """Where the model has one, and the training leaves the backbone that it is of as it is."""
    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the weights by the name that it has in a run's identity."""


def open_start(config: TrainConfig) -> Start:
    """Load the model named by `start`.

    Raises:
        ConfigError: It is another network, or it was trained on a site that is to be held out.
        ModelError: There is no such model, or it is damaged.
    """
    if config.start is None:
        return Start()
    folder = find_model(config.start, models=models_folder())
    card = load_card(folder)
    if card.architecture != config.architecture:
        own = ARCHITECTURES[card.architecture]
        msg = (
            f"start: {card.id} has the backbone {own.backbone} and a finest stride of {own.finest}, not "
            f"{config.backbone} and {config.finest_stride}; set backbone={own.backbone} and "
            f"finest_stride={own.finest}, or name another model"
        )
        raise ConfigError(msg)
    if card.class_names != CLASSES:
        msg = (
            f"start: {card.id} tells {', '.join(card.class_names)} apart, not {', '.join(CLASSES)}; name another model"
        )
        raise ConfigError(msg)
    if seen := sorted({name.partition("/")[0] for name in config.hold_out} & set(card.training.sites)):
        msg = (
            f"hold_out: {card.id}, which the training starts from, was trained on {', '.join(seen)}, so what is "
            "measured there flatters; start from a model that has not seen the site, or hold out others"
        )
        raise ConfigError(msg)
    network = load_network(folder, card)
    second_look = network.second_look if config.holds_backbone else None
    network.second_look = None
    if second_look is None:
        card = card.model_copy(update={"second_look": None})
    return Start(card, network.state_dict(), second_look, {f"start/{card.weights.file}": card.weights.sha256})
