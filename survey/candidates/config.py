"""Configuration of `survey candidates`."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from survey.config import Config, Expect
from survey.evidence import VERDICTS
from survey.values import HECTARE_EDGE_M, ORDNANCE_GROUPS

Group = Literal["ap", "at", "submunition", "uxo"]
Own = Literal["confirmed_item", "sighting", "cluster", "risk", "row"]
Kind = Literal[
    "confirmed_item",
    "sighting",
    "cluster",
    "risk",
    "row",
    "minefield_records",
    "accidents",
    "craters",
    "confrontation_lines",
    "trenches",
    "expert_polygons",
]
OWN: tuple[Own, ...] = ("confirmed_item", "sighting", "cluster", "risk", "row")
UNJUDGED: tuple[Own, ...] = ("sighting", "cluster", "risk", "row")
"""Kinds that rest on what a model saw and nobody judged."""
Class = Literal["direct", "indirect"]
Weight = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Metres = Annotated[float, Field(gt=0, le=1000)]
Share = Annotated[float, Field(gt=0, lt=1)]


def _no_verdict(text: str) -> str:
    if found := VERDICTS.search(text):
        msg = f"'{found.group()}' would read as a release of land"
        raise ValueError(msg)
    return text


def _divides(cell_m: float) -> float:
    if abs(HECTARE_EDGE_M / cell_m - round(HECTARE_EDGE_M / cell_m)) > 1e-9:
        msg = "does not divide 100 m"
        raise ValueError(msg)
    return cell_m


class CandidatesConfig(Config):
    """Every key of `configs/candidates.yaml`, where each is explained."""

    version: Annotated[Literal[1], Expect("1")]
    standard: Annotated[
        str, Field(min_length=1), AfterValidator(_no_verdict), Expect("words that release no land, whose rule this is")
    ]
    classes: Annotated[dict[Own, Class], Expect(f"direct or indirect for each of {', '.join(OWN)}")]
    weights: Annotated[dict[Kind, Weight], Expect("a number of at least 0 by kind of evidence")]
    cha_direct_weight: Annotated[Positive, Expect("a number above 0")]
    sha_weight: Annotated[Positive, Expect("a number above 0")]
    confirmed_buffer_m: Annotated[Metres, Expect("metres above 0")]
    sighting_buffer_m: Annotated[Metres, Expect("metres above 0")]
    row_buffer_m: Annotated[Metres, Expect("metres above 0")]
    cluster_m: Annotated[Metres, Expect("metres above 0")]
    cluster_items: Annotated[Positive, Expect("a number above 0")]
    cluster_sightings: Annotated[int, Field(ge=2), Expect("a whole number of at least 2")]
    sighting_probability: Annotated[Share, Expect("a number between 0 and 1")]
    risk_levels: Annotated[dict[Group, Share], Expect(f"a number between 0 and 1 by {', '.join(ORDNANCE_GROUPS)}")]
    row_items_per_ha: Annotated[Positive, Expect("a number above 0")]
    evidence_items_per_ha: Annotated[Positive | None, Expect("null or a number above 0")]
    cell_m: Annotated[
        float, Field(ge=1, le=100), AfterValidator(_divides), Expect("metres that divide 100 m, such as 5")
    ]
    join_m: Annotated[float, Field(ge=0, le=500), Expect("metres of at least 0")]
    simplify_m: Annotated[Metres, Expect("metres above 0")]
    least_area_m2: Annotated[Positive, Expect("square metres above 0")]
    least_hole_m2: Annotated[Positive, Expect("square metres above 0")]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := [kind for kind in OWN if kind not in self.classes]:
            msg = f"classes: lacks {', '.join(missing)}; say direct or indirect"
            raise ValueError(msg)
        if direct := [kind for kind in UNJUDGED if self.classes[kind] == "direct"]:
            msg = f"classes: {direct[0]}: what nobody judged is no direct evidence; a confirmed item may be"
            raise ValueError(msg)
        return self

    def weight(self, kind: str) -> float:
        """Return what a kind of evidence is worth; nothing if the rule does not name it."""
        return float(dict(self.weights).get(kind, 0.0))  # type: ignore[call-overload]
