"""A released model: a folder with weights, `model.yaml` and MODEL_CARD.md."""

import hashlib
import os
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from survey.calibration import Calibration
from survey.config.document import construct, read_document
from survey.detect.contrast import ContrastCard
from survey.detect.decode import Separation
from survey.detect.detectability import Detectability
from survey.detect.implants import ImplantsCard
from survey.detect.second_look import SecondLookCard
from survey.errors import ConfigError, ModelError
from survey.files import sha256_of
from survey.networks import ARCHITECTURES, SurveyNet
from survey.networks.close_up import SecondLook
from survey.networks.network import ArchitectureName
from survey.novelty import NoveltyCard
from survey.values import DISTURBANCES, UNIDENTIFIED_CLASS, Performance

DEFAULT_MODEL = "lite2-5mm-v5"
"""What the name `default` stands for."""
CARD = "model.yaml"

Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClassCard(_Part):
    """One class of a head."""

    name: str
    learnt: bool
    """False: training had no example, so the class is never output."""
    trained_on: str
    """What the examples were, in words."""


class Thresholds(_Part):
    """Operating point."""

    score: Share
    """Least score of a detection."""
    disturbance: Share
    """Least probability of a disturbance class."""
    apart_m: Annotated[float, Field(ge=0)] = 0.0
    """A detection this close to a stronger one is the same thing, whatever its size."""


class SiteAlarms(_Part):
    """False alarms of one site."""

    count: Annotated[int, Field(ge=0)]
    ha: Annotated[float, Field(gt=0)]


class PerformanceCard(_Part):
    """What was measured on sites that training never saw."""

    recall: Annotated[float, Field(gt=0, le=1)]
    recall_interval: tuple[Share, Share]
    items: Annotated[int, Field(ge=0)]
    found: Annotated[int, Field(ge=0)]
    """Items found: with `items` all that a Beta posterior of recall needs."""
    false_alarms_per_ha: Annotated[float, Field(gt=0)]
    false_alarms_interval: tuple[float, float]
    false_alarms: Annotated[int, Field(ge=0)]
    """False alarms counted: with `searched_ha` all that a Gamma posterior needs."""
    false_alarms_interval_by: str
    """How the interval was made: what was resampled."""
    searched_ha: Annotated[float, Field(ge=0)]
    false_alarms_by_class: dict[str, Annotated[int, Field(ge=0)]] | None = None
    """What the false alarms were called; None: not counted, as by earlier versions."""
    false_alarms_by_site: dict[str, SiteAlarms] | None = None
    """Sites differ, and the next one is another: their counts tell how much; None: not told apart."""
    found_by_class: dict[str, Annotated[int, Field(ge=0)]] | None = None
    """What the items found were called; None: not counted."""
    position_error_m: Annotated[float, Field(ge=0)]
    """Root mean square distance between the centres found and the labelled ones."""
    measured_on: str

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, total in (("false_alarms", self.false_alarms), ("found", self.found)):
            by_class = getattr(self, f"{name}_by_class")
            if by_class is not None and sum(by_class.values()) != total:
                msg = f"{name}_by_class adds up to {sum(by_class.values())}, {name} is {total}"
                raise ValueError(msg)
        return self


class WeightsCard(_Part):
    """The weights file."""

    file: str
    sha256: str


class TrainingCard(_Part):
    """Where the weights come from."""

    command: str
    config: dict[str, object]
    config_sha256: str
    data_list_sha256: str
    sites: tuple[str, ...]
    """Sites that training drew from."""
    held_out: tuple[str, ...]
    seed: int
    steps: int
    versions: dict[str, str]
    inputs: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of what no data list names: decisions of reviewed runs, by site and run id, and weights started from."""


class ModelCard(_Part):
    """`model.yaml`, checked."""

    format: Literal[2]
    """1 was that of the first network, whose weights fit this one no more."""
    id: str
    architecture: ArchitectureName
    """Backbone and pyramid."""
    gsd_m: Annotated[float, Field(gt=0)]
    """Ground distance of a pixel as the network wants it; the reader resamples to it."""
    max_gsd_m: Annotated[float, Field(gt=0)]
    """Imagery coarser than this is not searched for ordnance."""
    input: Literal["uint8 RGB, 127 where nothing was imaged"]
    halo_px: Annotated[int, Field(ge=0, multiple_of=16)]
    classes: tuple[ClassCard, ...]
    disturbances: tuple[ClassCard, ...]
    thresholds: Thresholds
    calibration: Calibration
    performance: PerformanceCard
    weights: WeightsCard
    training: TrainingCard
    contrast: ContrastCard | None = None
    """How contrast with a flight's own ground counts; None: the heatmap alone decides."""
    second_look: SecondLookCard | None = None
    """How places that the first look tells are looked at again; None: they are not."""
    novelty: NoveltyCard | None = None
    """What known imagery is like, from `survey characterise`; None: not measured."""
    detectability: Detectability | None = None
    """How size, cover and blur change the chance to find an item; None: not measured."""
    implants: ImplantsCard | None = None
    """Simulated items found on the ground of `performance`, from `survey characterise`; None: not measured."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the ordnance classes, learnt or not, in the head's order."""
        return tuple(c.name for c in self.classes)

    @property
    def learnt(self) -> NDArray[np.bool_]:
        """(classes,) which ordnance classes may be output."""
        return np.array([c.learnt for c in self.classes])

    @property
    def unidentified(self) -> int | None:
        """Index of the class of items that no learnt class fits, if the model has it."""
        return self.class_names.index(UNIDENTIFIED_CLASS) if UNIDENTIFIED_CLASS in self.class_names else None

    @property
    def separation(self) -> Separation:
        """How far apart two detections are."""
        return Separation(self.thresholds.apart_m / self.gsd_m)

    @property
    def learnt_disturbances(self) -> NDArray[np.bool_]:
        """(kinds,) which disturbance classes may be output."""
        return np.array([c.learnt for c in self.disturbances])

    def as_performance(self) -> Performance:
        """Return what the risk model needs to know."""
        measured = self.performance
        sites = (measured.false_alarms_by_site or {}).values()
        return Performance(
            recall=measured.recall,
            recall_interval=measured.recall_interval,
            false_alarms_per_ha=measured.false_alarms_per_ha,
            false_alarms_interval=measured.false_alarms_interval,
            prevalence=self.calibration.prevalence,
            max_gsd_m=self.max_gsd_m,
            items=measured.items,
            found=measured.found,
            false_alarms=measured.false_alarms,
            searched_ha=measured.searched_ha,
            false_alarms_by_class=measured.false_alarms_by_class,
            found_by_class=measured.found_by_class,
            site_alarms=tuple(site.count for site in sites),
            site_ha=tuple(site.ha for site in sites),
            own_curves=tuple(sorted(self.calibration.classes)),
        )


def find_model(model: str | Path, *, models: Path) -> Path:
    """Return the folder of a model given by id (`default` for the default one) or by path.

    A bare name is a released model's before it is a folder's: what lies in the working folder must not take
    the place of what was released. A path, or a text with a separator, is a folder.

    Raises:
        ModelError: There is no such model.
    """
    name = DEFAULT_MODEL if model == "default" else str(model)
    is_path = isinstance(model, Path) or name in {".", ".."} or bool({"/", os.sep} & set(name))
    for folder in (Path(name),) if is_path else (models / name, Path(name)):
        if (folder / CARD).is_file():
            return folder
    known = sorted(path.parent.name for path in models.glob(f"*/{CARD}"))
    msg = f"model {name}: no folder of that name holds a {CARD}; give a folder or one of {', '.join(known) or '(none)'}"
    raise ModelError(msg)


def load_card(folder: Path) -> ModelCard:
    """Read and check `model.yaml`.

    Raises:
        ModelError: It does not fit this version of the software.
    """
    path = folder / CARD
    try:
        values = construct(read_document(path, first="format: 2"), name=str(path))
        card = ModelCard.model_validate(values)
    except ConfigError as error:
        msg = f"{error}; restore it from the release"
        raise ModelError(msg) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        msg = f"{path}: {place}: {first['msg']}; restore it from the release, or use the software of its time"
        raise ModelError(msg) from error
    if tuple(d.name for d in card.disturbances) != DISTURBANCES:
        msg = f"{path}: disturbances must be {', '.join(DISTURBANCES)}, in this order; restore it from the release"
        raise ModelError(msg)
    return card


def dump_card(card: ModelCard) -> bytes:
    """Return `model.yaml`."""
    return yaml.safe_dump(card.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110).encode()


def load_network(folder: Path, card: ModelCard) -> SurveyNet:
    """Read the weights and check them against the card.

    Raises:
        ModelError: The weights are missing or are not the ones the card names.
    """
    from safetensors.torch import load_file  # noqa: PLC0415 - only needed where weights are read

    path = folder / card.weights.file
    if not path.is_file():
        msg = f"{path}: the weights are missing; restore them from the release"
        raise ModelError(msg)
    if sha256_of(path) != card.weights.sha256:
        msg = f"{path}: the weights are not those that {CARD} names; restore both from the release"
        raise ModelError(msg)
    architecture = ARCHITECTURES[card.architecture]
    network = SurveyNet(classes=len(card.classes), disturbances=len(card.disturbances), architecture=architecture)
    if (again := card.second_look) is not None:
        network.second_look = SecondLook(architecture.backbone, views=len(again.views), features=again.features)
    try:
        network.load_state_dict(load_file(path))
    except RuntimeError as error:  # a card whose class list is not the weights'
        msg = f"{path}: the weights are not of the network that {CARD} describes; restore both from the release"
        raise ModelError(msg) from error
    return network.eval()


def model_sha256(folder: Path, card: ModelCard) -> str:
    """Return the hash of everything of the model that decides its answers: card and weights."""
    return hashlib.sha256(sha256_of(folder / CARD, folder / card.weights.file).encode()).hexdigest()
