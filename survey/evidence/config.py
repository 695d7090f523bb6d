"""What `survey evidence` believes of a country or a district: one layer of evidence after the other."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from survey.config import Config, read_nested
from survey.evidence.groups import GROUPS
from survey.evidence.terms import (
    ANY,
    POINTS,
    Beta,
    Day,
    Decay,
    Group,
    Items,
    Metres,
    Name,
    Positive,
    Recall,
    Reduction,
    Share,
    Text,
    VectorLayer,
    below,
)

EvidenceClass = Literal["direct", "indirect"]


class Background(Config):
    """Gamma density of a group where no layer says anything."""

    items_per_ha: Positive
    shape: Positive


class _Layer(VectorLayer):
    """What every layer states."""

    weight: Share = 1.0
    """Probability that the layer means what it says; 0 switches it off."""
    evidence: EvidenceClass | None = None
    """Else as the configuration's `classes` say."""
    location_error_m: Metres
    """Standard deviation of the layer's places, along each axis."""


class _Area(_Layer):
    radius_m: Annotated[float, Field(gt=0, le=5000)] | None = None
    """Makes areas of points and lines."""


class MinefieldRecords(_Area):
    """Recorded minefields, of which some are right, some lie elsewhere, and some were never handed over."""

    kind: Literal["minefield_records"]
    reliability: Annotated[float, Field(gt=0, le=1)]
    """Share of the records that are right but for `location_error_m`."""
    misplaced: Share
    """Share of the wrong records whose mines were laid, but elsewhere; the rest were never laid."""
    omission: Annotated[float, Field(ge=0, le=0.95)]
    """Share of all minefields laid that no record tells of."""
    spread_half_distance_m: Decay
    """Misplaced and omitted minefields lie around the recorded ones; their density halves every so many metres."""
    items_per_ha: Items
    """Density inside a minefield."""
    shape: Positive


class Accidents(_Layer):
    """Places of accidents and incidents, with more items around them."""

    kind: Literal["accidents"]
    items: Items
    """Items that one accident stands for."""
    half_distance_m: Decay
    shape: Positive

    @property
    def wants(self) -> str:
        """Kind of geometry that the layer is made of."""
        return POINTS


class Craters(_Layer):
    """Craters: munitions that went off; others of the same fire did not."""

    kind: Literal["craters"]
    group: Group
    dud_rate: Beta
    seen: Annotated[float, Field(gt=0, le=1)]
    """Share of the craters that the layer shows."""
    count_column: str | None = None
    """Craters that a feature stands for; else one."""
    half_distance_m: Decay

    @model_validator(mode="after")
    def _finite_variance(self) -> Self:
        if (1 - self.dud_rate.mean) * self.dud_rate.strength <= 2:
            msg = "dud_rate: (1 - mean) * strength has to exceed 2, or the number of duds has no variance"
            raise ValueError(msg)
        return self

    @property
    def wants(self) -> str:
        """Kind of geometry that the layer is made of."""
        return POINTS


class _Decaying(_Layer):
    items_per_ha: Items
    shape: Positive


class Lines(_Decaying):
    """Confrontation lines and trenches: density is highest at the line."""

    kind: Literal["confrontation_lines", "trenches"]
    half_distance_m: Decay

    @property
    def wants(self) -> str:
        """Kind of geometry that the layer is made of."""
        return ANY


class ExpertPolygons(_Area, _Decaying):
    """Areas that survey teams or other experts draw."""

    kind: Literal["expert_polygons"]
    half_distance_m: Decay | None = None
    """Decay outside; none where it is not given."""


class UsedLand(_Area):
    """Cultivated and otherwise used land: evidence of absence, never proof."""

    kind: Literal["used_land"]
    reduction: Reduction
    """Share of the expected items that use speaks against."""
    strength: Positive


class EarlierClearance(_Area):
    """Ground that was worked on, with the share of the items that the work removed."""

    kind: Literal["earlier_clearance"]
    recall: Recall
    strength: Positive
    method_column: str | None = None
    methods: dict[str, Recall] = Field(default_factory=dict)
    """Recall by value of `method_column`; other values have `recall`."""


class LearntPrior(Config):
    """A raster of P(contaminated), such as `survey prior apply` writes: learnt from ground whose past is known."""

    name: Name
    kind: Literal["learnt_prior"]
    path: str
    """Raster, relative to the YAML."""
    band: Annotated[int, Field(ge=1)] | Annotated[str, Field(min_length=1)] = "p_contaminated"
    """Name or number."""
    source: Text
    date: Day
    """Latest day that what it was learnt from speaks of."""
    weight: Share = 1.0
    """Probability that the layer means what it says; 0 switches it off."""
    evidence: EvidenceClass = "indirect"
    items_per_ha: Items
    """Density where contaminated, on average over one of the raster's cells."""
    shape: Positive


VectorEntry = MinefieldRecords | Accidents | Craters | Lines | ExpertPolygons | UsedLand | EarlierClearance
Layer = Annotated[VectorEntry | LearntPrior, Field(discriminator="kind")]
SOURCE_KINDS = ("minefield_records", "accidents", "craters", "confrontation_lines", "trenches", "expert_polygons")
SourceKind = Literal["minefield_records", "accidents", "craters", "confrontation_lines", "trenches", "expert_polygons"]


class EvidenceConfig(Config):
    """Every key of `configs/evidence.yaml`, where each is explained."""

    version: Literal[1]
    standard: Text
    background: dict[Group, Background]
    classes: dict[SourceKind, EvidenceClass]
    direct_reliability: Share
    notable_items_per_ha: Positive
    used_land_leaves: Annotated[float, Field(ge=0.01, le=1)]
    layers: tuple[Layer, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := [group for group in GROUPS if group not in self.background]:
            msg = f"background: lacks {', '.join(missing)}; every group has one"
            raise ValueError(msg)
        if missing := [kind for kind in SOURCE_KINDS if kind not in self.classes]:
            msg = f"classes: lacks {', '.join(missing)}; say direct or indirect"
            raise ValueError(msg)
        names = [layer.name for layer in self.layers]
        if "background" in names:
            msg = "layers: no layer can be called 'background', which is the name of what is there without layers"
            raise ValueError(msg)
        if twice := sorted({name for name in names if names.count(name) > 1}):
            msg = f"layers: {', '.join(twice)} stands twice; names tell layers apart"
            raise ValueError(msg)
        return self

    def class_of(self, layer: Layer) -> EvidenceClass | None:
        """Return how the national standard ranks a layer; None for what speaks of absence."""
        if isinstance(layer, UsedLand | EarlierClearance):
            return None
        if isinstance(layer, LearntPrior) or layer.evidence is not None:
            return layer.evidence
        if isinstance(layer, MinefieldRecords) and layer.reliability < self.direct_reliability:
            return "indirect"
        return self.classes[layer.kind]


def load_evidence(path: str | Path) -> EvidenceConfig:
    """Return the configuration in a file; the paths in it are relative to the file's folder.

    Raises:
        ConfigError: The file cannot be read, a key is unknown, missing or twice, or a value does not fit.
    """
    path = Path(path)
    config = read_nested(EvidenceConfig, path, example="configs/evidence.yaml")
    return config.model_copy(update={"layers": below(path.parent, config.layers)})
