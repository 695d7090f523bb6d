"""Configuration of `survey run`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from survey.config.base import Config, Expect
from survey.values import HECTARE_EDGE_M

_SPEED_KEYS = frozenset({"engine", "workers", "decode_threads"})
"""Not `threads`: on one processor, one and two threads gave other last digits in torch and in OpenVINO alike."""
_PRIOR_KEYS = frozenset({"prior_items_per_ha", "prior_shape", "prior_shares"})


def _divides_a_hectare(gsd_m: float) -> float:
    pixels = HECTARE_EDGE_M / gsd_m
    if abs(pixels - round(pixels)) > 1e-6 * pixels:
        msg = "does not divide 100 m evenly"
        raise ValueError(msg)
    return gsd_m


def _adds_up(shares: tuple[float, ...]) -> tuple[float, ...]:
    if abs(sum(shares) - 1) > 1e-6:
        msg = "do not add up to 1"
        raise ValueError(msg)
    return shares


Hides = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Shares = tuple[Share, Share, Share, Share]
Band = Annotated[int, Field(ge=1)]
Bands = tuple[Band, Band, Band]


class RunConfig(Config):
    """Every key of `configs/run.yaml`, where each is explained."""

    version: Annotated[Literal[1], Expect("1")]
    model: Annotated[str, Field(min_length=1), Expect("a model's name or folder")]
    output_crs: Annotated[str, Field(pattern=r"^(auto|[A-Za-z]+:[0-9]+)$"), Expect("auto or a code such as EPSG:32638")]
    bands: Annotated[Literal["auto"] | Bands, Expect("auto or three band numbers such as [1, 2, 3]")]
    nodata: Annotated[Literal["auto"] | Annotated[float, Field(allow_inf_nan=True)], Expect("auto or a number")]
    core_px: Annotated[
        int, Field(ge=128, le=16384, multiple_of=32), Expect("a whole multiple of 32 between 128 and 16384")
    ]
    engine: Annotated[Literal["local", "ray"], Expect("local or ray")]
    workers: Annotated[int, Field(ge=1), Expect("a whole number of at least 1")]
    decode_threads: Annotated[int, Field(ge=1), Expect("a whole number of at least 1")]
    threads: Annotated[int, Field(ge=0), Expect("a whole number; 0 means all cores")]
    runtime: Annotated[Literal["auto", "torch", "openvino"], Expect("auto, torch or openvino")]
    precision: Annotated[Literal["auto", "fp32", "bf16"], Expect("auto, fp32 or bf16")]
    candidate_threshold: Annotated[
        Annotated[float, Field(gt=0, lt=1)] | None, Expect("null or a number between 0 and 1")
    ]
    novelty: Annotated[Literal["not_searched", "warn"], Expect("not_searched or warn")]
    implants: Annotated[int, Field(ge=0), Expect("a whole number; 0 lays none")]
    cover: Annotated[Literal["imagery", "ignore"], Expect("imagery or ignore")]
    cover_hides: Annotated[
        tuple[Hides, Hides, Hides, Hides],
        Expect("four numbers from 0 to 1: low_vegetation, deep_shadow, canopy, water"),
    ]
    cover_column: Annotated[str, Field(min_length=1), Expect("the name of a column")]
    cover_classes: Annotated[
        tuple[Annotated[str, Field(pattern=r"^.+=[a-z_]+$")], ...],
        Expect("the layer's own values and what they mean, such as [forest=canopy, 5=water]"),
    ]
    view_correlation: Annotated[float, Field(ge=0, le=1), Expect("a number from 0 to 1")]
    prior_items_per_ha: Annotated[float, Field(gt=0), Expect("a number above 0")]
    prior_shape: Annotated[float, Field(gt=0), Expect("a number above 0")]
    prior_shares: Annotated[
        Shares, AfterValidator(_adds_up), Expect("four numbers above 0 that add up to 1: ap, at, submunition, uxo")
    ]
    evidence: Annotated[
        Annotated[str, Field(min_length=1)] | None, Expect("null or a folder written by `survey evidence`")
    ]
    ground_gsd_m: Annotated[
        float,
        Field(ge=0.01, le=100),
        AfterValidator(_divides_a_hectare),
        Expect("metres that divide 100 m evenly, such as 0.1, 0.2 or 0.25"),
    ]

    def deciding(self) -> dict[str, object]:
        """Return the keys that decide what comes out; the others only decide how fast.

        Of evidence its content decides and not its folder; where there is some, the keys of the prior decide nothing.
        """
        without = _SPEED_KEYS | {"evidence"} | (_PRIOR_KEYS if self.evidence is not None else frozenset())
        return {key: value for key, value in self.model_dump().items() if key not in without}

    def speed(self) -> dict[str, object]:
        """Return the keys that decide only how fast a run goes."""
        return {key: value for key, value in self.model_dump().items() if key in _SPEED_KEYS}
