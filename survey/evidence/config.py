"""What `survey evidence` believes of a country or a district: one layer of evidence after the other."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from survey.evidence.groups import GROUPS, VERDICTS

EvidenceClass = Literal["direct", "indirect"]
AREAS = "polygons"
POINTS = "points"
ANY = "anything"


def _group(name: str) -> str:
    if name not in GROUPS:
        msg = f"no such group; expected one of {', '.join(GROUPS)}"
        raise ValueError(msg)
    return name


def _no_verdict(text: str) -> str:
    """Refuse words that would turn up on maps as a statement about land."""
    if found := VERDICTS.search(text):
        msg = f"'{found.group()}' would read as a release of land in the results; say what was done, as in 'clearance'"
        raise ValueError(msg)
    return text


def _as_date(value: Any) -> date:
    """Return a day, or the last day of a year."""
    text = str(value)
    try:
        return date.fromisoformat(f"{text}-12-31" if len(text) == 4 else text)
    except ValueError as error:
        msg = "expected a year or a day such as 1995-12-14"
        raise ValueError(msg) from error


def _not_empty(values: dict[str, float]) -> dict[str, float]:
    if not values:
        msg = f"give at least one of {', '.join(GROUPS)}"
        raise ValueError(msg)
    return values


Group = Annotated[str, AfterValidator(_group)]
Text = Annotated[str, Field(min_length=1), AfterValidator(_no_verdict)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$"), AfterValidator(_no_verdict)]
Day = Annotated[date, BeforeValidator(_as_date)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Metres = Annotated[float, Field(ge=0, le=5000)]
Decay = Annotated[float, Field(ge=20, le=5000)]
Items = Annotated[dict[Group, Positive], AfterValidator(_not_empty)]
Recall = Annotated[dict[Group, Annotated[float, Field(gt=0, le=0.999)]], AfterValidator(_not_empty)]
Reduction = Annotated[dict[Group, Annotated[float, Field(gt=0, le=0.95)]], AfterValidator(_not_empty)]


class Strict(BaseModel):
    """No unknown key, no silent conversion."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Background(Strict):
    """Gamma density of a group where no layer says anything."""

    items_per_ha: Positive
    shape: Positive


class Beta(Strict):
    """A share that is not known exactly: Beta(mean * strength, (1 - mean) * strength)."""

    mean: Annotated[float, Field(gt=0, lt=1)]
    strength: Positive
    """How many trials the knowledge is worth."""

    @property
    def variance(self) -> float:
        """Variance of the share."""
        return self.mean * (1 - self.mean) / (self.strength + 1)


class VectorLayer(Strict):
    """A vector file, and what its rows become."""

    name: Name
    path: str
    """Vector file, relative to the YAML."""
    layer: str | None = None
    where: str | None = None
    """SQL condition on the attributes."""
    crs: str | None = None
    """What the coordinates are in, where the file says nothing or the wrong thing."""
    source: Text
    date: Day
    """Latest day that the layer speaks of. Clearance and use of land act on what is dated no later."""
    duplicates: Literal["set_aside", "keep"] = "set_aside"

    @property
    def wants(self) -> str:
        """Kind of geometry that the layer is made of."""
        return AREAS

    @property
    def open_options(self) -> dict[str, str]:
        """Options with which GDAL opens the file."""
        return {}


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
    methods: dict[str, Recall] = {}
    """Recall by value of `method_column`; other values have `recall`."""


class LearntPrior(Strict):
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


class EvidenceConfig(Strict):
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

    def below(self, folder: Path) -> "EvidenceConfig":
        """Return the same configuration with paths taken relative to a folder."""
        layers = tuple(entry.model_copy(update={"path": str(folder / entry.path)}) for entry in self.layers)
        return self.model_copy(update={"layers": layers})
