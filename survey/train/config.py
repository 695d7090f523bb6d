"""Settings of a training run: flat, typed, versioned."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from survey.detect.contrast import Around
from survey.detect.second_look import NearCard
from survey.networks import ARCHITECTURES
from survey.networks.backbone import BACKBONES
from survey.networks.network import Architecture, ArchitectureName


class TrainConfig(BaseModel):
    """One training run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    data_list: str = "train-data.yaml"
    """Data list: a path, or the name of one in the package's `configs`."""
    hold_out: tuple[str, ...] = ()
    """Sites left out whole, and single flights as `site/flight`."""
    split_within_site: bool = False
    """Allow to hold out a flight of a site whose other flights are trained on: what is measured there flatters."""
    seed: int = 1
    backbone: Literal["lite0", "lite2"] = "lite0"
    """EfficientNet-Lite whose ImageNet weights the network starts from."""
    finest_stride: Literal[4, 8] = 4
    """Stride of the finest features that items and their classes are told by; with 8 a search takes two thirds of the
    time."""
    start: str | None = None
    """Model, by id or folder, whose weights the training starts from instead of ImageNet's: fine-tuning."""
    held_blocks: Annotated[int, Field(ge=0, le=15)] = 0
    """Blocks of the backbone, from the stem on, that keep the weights they start with."""
    held_norms: bool = False
    """Let the backbone's batch normalisations keep the statistics, scales and shifts that they start with."""
    gsd_m: Annotated[float, Field(gt=0)] = 0.01
    crop_px: Annotated[int, Field(gt=0, multiple_of=16)] = 256
    batch: Annotated[int, Field(gt=0)] = 8
    """Crops of one step in all, over all micro-batches and processes."""
    accumulate: Annotated[int, Field(gt=0)] = 1
    """Micro-batches a step: their gradients are added up, so that a large batch fits into little memory. Batch
    normalisation sees one micro-batch at a time, and so is the one thing that a smaller micro-batch changes."""
    steps: Annotated[int, Field(gt=0)] = 1400
    warmup_steps: Annotated[int, Field(ge=0)] = 100
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    backbone_rate: Annotated[float, Field(gt=0)] = 0.3
    """The backbone's learning rate as a share of `learning_rate`."""
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.998
    """The released weights are a running mean over about 1 / (1 - decay) steps."""
    clip_norm: Annotated[float, Field(gt=0)] = 10.0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    workers: Annotated[int, Field(ge=1)] = 1
    """Threads that compose crops; does not change the result."""
    checkpoint_every: Annotated[int, Field(gt=0)] = 100
    log_every: Annotated[int, Field(gt=0)] = 20
    bank: str | None = None
    """Folder of sprites made by `survey render`, for data lists with a rendered entry."""
    items_mean: Annotated[float, Field(ge=1)] = 2.0
    empty_share: Annotated[float, Field(ge=0, le=1)] = 0.35
    disturbance_share: Annotated[float, Field(ge=0, le=1)] = 0.25
    clutter_mean: Annotated[float, Field(ge=0)] = 3.0
    """Mean number of things on a crop that are not ordnance."""
    rendered_clutter: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of them that is rendered, where the data list has a rendered entry."""
    invented_clutter: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the others that is made-up stones, clods, sticks and plants."""
    coarsest: Annotated[float, Field(gt=1.1)] = 2.2
    """Imagery up to so many times as coarse as `gsd_m` is learnt."""
    mine_every: Annotated[int, Field(ge=0)] = 0
    """Steps between two searches of empty ground for false alarms; 0: never."""
    mine_windows: Annotated[int, Field(gt=0)] = 96
    """Windows of `crop_px` that a search looks at, besides the spots it knows."""
    mine_pool: Annotated[int, Field(gt=0)] = 128
    """Most spots kept."""
    mine_score: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Least score of a false alarm that becomes a spot: low, for a young network is sure of nothing."""
    mined_share: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Share of the crops that are composed around a spot, once there are any."""
    contrast: Annotated[float, Field(ge=0)] = 0.0
    """Weight of ln(distance to the ground of the flight) in the finished model's logits; 0: as the model
    that is started from, without one the heatmap alone."""
    contrast_heat: Annotated[float, Field(ge=0)] = 0.5
    """Weight of the heatmap beside it."""
    contrast_bias: float = -4.5
    contrast_trimmed: Annotated[float, Field(ge=0, lt=0.5)] = 0.05
    """Share of a flight's cells, the farthest, that does not count as its ground."""
    contrast_usual_tail: Annotated[float, Field(gt=0)] | None = None
    """What 98 % of the ln(distance) of a flight lie below on usual ground; flights beyond are full of things, and the
    distance counts as many times less. None: it counts in full everywhere."""
    contrast_around: Around | None = None
    """Surroundings that ln(distance) is taken relative to. None: it counts as it is."""
    second_look: Annotated[int, Field(ge=0)] = 0
    """Composites that a second look is fitted on; 0: places are not looked at again. Where the model that is started
    from has one, and its backbone is held, that one is kept as it is."""
    second_look_others: Annotated[float, Field(ge=0)] = 1.0
    """Weight of ln(distance to the flight's other alarms) in the finished model's logits."""
    second_look_items: Annotated[float, Field(ge=0)] = 0.25
    """Weight of the likeness to the items of the composites."""
    second_look_bias: float = 0.0
    second_look_trimmed: Annotated[float, Field(ge=0, lt=0.5)] = 0.1
    """Share of a flight's alarms, the farthest, that is left out of their measure, three times over."""
    second_look_most_like: float = -1.0
    """Alarms that are more like items than this logit are left out too: they may be a field of one kind of mine."""
    second_look_alarms: Annotated[float, Field(gt=0)] = 0.4
    """Alarms that are measured for each window by which a flight's ground is."""
    second_look_features: Annotated[int, Field(gt=0, le=64)] = 16
    """That alarms are told apart by."""
    second_look_near: NearCard | None = None
    """Contrast with the ground where it is seen nearer. None: it does not count."""
    apart_m: Annotated[float, Field(ge=0, le=1)] = 0.0
    """What the finished model sees so close to something that it sees more surely is the same thing."""

    @property
    def holds_backbone(self) -> bool:
        """Whether the whole backbone keeps the weights it starts with."""
        return self.held_norms and self.held_blocks == len(BACKBONES[self.backbone].blocks)

    @property
    def architecture(self) -> ArchitectureName:
        """Name of the network that is trained."""
        wanted = Architecture(self.backbone, self.finest_stride)
        return next(name for name, built in ARCHITECTURES.items() if built == wanted)

    @model_validator(mode="after")
    def _check_second_look(self) -> Self:
        if self.second_look and not (self.holds_backbone and self.contrast):
            blocks = len(BACKBONES[self.backbone].blocks)
            msg = f"second_look: needs contrast, and a backbone left as it is: set held_norms and held_blocks={blocks}"
            raise ValueError(msg)
        return self

    @field_validator("held_blocks")
    @classmethod
    def _check_held(cls, value: int, info: ValidationInfo) -> int:
        backbone = info.data.get("backbone", "lite0")
        if value > (most := len(BACKBONES[backbone].blocks)):
            msg = f"{backbone} has {most} blocks, {value} cannot be held; set at most {most}"
            raise ValueError(msg)
        return value
