"""Is a picture of the kind that a model knows? A Gaussian over known ground, who lies outside, and false colour."""

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from survey.errors import ModelError
from survey.files import sha256_of
from survey.networks import SurveyNet
from survey.novelty.hues import FEATURES, Hues
from survey.novelty.signature import HUES, PARTS, Signature, Signer
from survey.novelty.vision import LEAST, VISION, shortfalls

NOVELTY = "novelty.safetensors"
FLAGGED_SHARE = 0.5
"""A picture is flagged when more than this share of its windows is novel: a pond or a road does not condemn it."""
UNLIKE = "unlike anything the model was trained on or measured on"
JUDGED = (*PARTS, *LEAST)
"""What each window is judged by."""
_UNSEEN = {"brightness": "too dark", "chroma": "no colours", "detail": "blurred"}


class NoveltyCard(BaseModel):
    """What `model.yaml` says of the reference beside the weights."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    sha256: str
    thresholds: dict[str, Annotated[float, Field(gt=0)]]
    """Largest distance, by part, of a window that is not novel; `hues`: largest mean logit of a picture's windows."""
    quantile: Annotated[float, Field(gt=0, lt=1)]
    """Share of the windows of each site left out of the fit that lies within each threshold, at least."""
    windows: Annotated[int, Field(gt=0)]
    sites: tuple[str, ...]
    """Sites of the reference."""
    flagged_if_left_out: dict[str, Annotated[float, Field(ge=0, le=1)]]
    """Share of a site's pictures that is flagged when the whole site is left out of the reference."""
    flagged_if_altered: dict[str, Annotated[float, Field(ge=0, le=1)]]
    """Share of pictures flagged of each kind that should be: false colour, thermal, blurred, night, indoor; false
    colour as told by what was fitted without the site."""


@dataclass(frozen=True, slots=True, eq=False)
class Gaussian:
    """Normal distribution of D features."""

    mean: NDArray[np.float64]
    """(D,)."""
    whiten: NDArray[np.float64]
    """(D, D) that makes the features less their mean uncorrelated, each of variance 1."""

    def distance(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return Mahalanobis distances of (N, D) features by the root of D: near 1 for what is known; (N,)."""
        return np.asarray(np.sqrt(np.mean(((features - self.mean) @ self.whiten.T) ** 2, axis=1)))


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What known ground is like."""

    parts: Mapping[str, Gaussian]
    thresholds: Mapping[str, float]
    quantile: float
    windows: int
    sites: tuple[str, ...]
    hues: Hues | None = None
    """Tells false colour; None in references of earlier versions, and of one site."""

    def scores(self, signatures: Sequence[Signature]) -> NDArray[np.float64]:
        """Return what is unusual of each window, (N, columns); above 1 for what is too far off.

        Distances of `PARTS` as multiples of their thresholds, and the shortfalls of `LEAST`. Where false colour is
        told, its logits as multiples of their threshold are one column more.
        """
        if not signatures:
            return np.empty((0, len(JUDGED) + (self.hues is not None)))
        columns = [self.parts[p].distance(np.stack([s[p] for s in signatures])) / self.thresholds[p] for p in PARTS]
        columns += list(shortfalls(np.stack([s[VISION] for s in signatures])).T)
        if self.hues is not None:
            columns.append(self.hues.logits(np.stack([s[HUES] for s in signatures])) / self.hues.threshold)
        return np.stack(columns, axis=1)

    def bounds(self) -> dict[str, float]:
        """Return all thresholds as the card has them."""
        return dict(self.thresholds) | ({HUES: self.hues.threshold} if self.hues is not None else {})

    def to_bytes(self) -> bytes:
        """Return the reference as a safetensors file; the same reference gives the same bytes."""
        arrays = {f"{p}.{name}": getattr(self.parts[p], name).astype(np.float32) for p in PARTS for name in _ARRAYS}
        if self.hues is not None:
            arrays[_WEIGHTS] = self.hues.weights.astype(np.float32)
        facts = {"thresholds": self.bounds(), "quantile": self.quantile, "windows": self.windows}
        return bytes(save(arrays, {"reference": json.dumps({**facts, "sites": list(self.sites)}, sort_keys=True)}))


_ARRAYS = ("mean", "whiten")
_WEIGHTS = f"{HUES}.weights"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How much of a picture is like the reference."""

    windows: int
    """Windows looked at; 0: there was none to look at."""
    novel: int
    by_part: Mapping[str, int]
    """Windows beyond the threshold of each of `JUDGED`."""
    median: float | None
    """Of what is most unusual of each window."""
    false_colour: float | None = None
    """Mean logit of all windows that the colours are false, as a multiple of its threshold; None: not told. Windows are
    taken together, for most of a picture may be as grey as one of true colour."""

    @classmethod
    def of(cls, scores: NDArray[np.floating]) -> "Verdict":
        """Judge a picture by the scores of its windows, as `Reference.scores` has them."""
        distances, logits = scores[:, : len(JUDGED)], scores[:, len(JUDGED) :]
        worst = distances.max(axis=1) if len(scores) else np.empty(0)
        by_part = {part: int(np.count_nonzero(scores[:, n] > 1)) for n, part in enumerate(JUDGED)}
        median = round(float(np.median(worst)), 4) if len(worst) else None
        false_colour = round(float(logits.mean()), 4) if logits.size else None
        return cls(len(worst), int(np.count_nonzero(worst > 1)), by_part, median, false_colour)

    @property
    def flagged(self) -> bool:
        """Tell whether the picture is unlike the reference."""
        return self.novel > FLAGGED_SHARE * self.windows or self.falsely_coloured

    @property
    def falsely_coloured(self) -> bool:
        """Tell whether its colours are those of false colour."""
        return self.false_colour is not None and self.false_colour > 1

    def __str__(self) -> str:
        if not self.windows:
            return "novelty not measured: too little was imaged"
        words = UNLIKE if self.flagged else "like ground that the model knows"
        lacking = [part for part in LEAST if self.by_part[part] > FLAGGED_SHARE * self.windows]
        reasons = [_UNSEEN[part] for part in lacking]
        reasons += ["its colours look false"] if self.falsely_coloured and "chroma" not in lacking else []
        return f"{words} ({'; '.join([f'{self.novel} of {self.windows} windows novel', *reasons])})"


@dataclass(frozen=True, slots=True, eq=False)
class NoveltyMeter:
    """A model's reference with the features that it is about."""

    sign: Signer
    reference: Reference


def signer_of(network: SurveyNet, *, gsd_m: float) -> Signer:
    """Return the signer of a model; a copy of its backbone, for a runtime may change the network's precision."""
    return Signer(copy.deepcopy(network.trunk.backbone), gsd_m=gsd_m)


def load_reference(folder: Path, card: NoveltyCard) -> Reference:
    """Read a model's reference and check it against its card.

    Raises:
        ModelError: The file is missing, or is not the one that the card names.
    """
    path = folder / card.file
    if not path.is_file():
        msg = f"{path}: the reference for novelty is missing; restore it from the release"
        raise ModelError(msg)
    if sha256_of(path) != card.sha256:
        msg = f"{path}: is not the reference that model.yaml names; restore both from the release"
        raise ModelError(msg)
    try:
        with safe_open(path, framework="np") as stored:
            facts = json.loads(stored.metadata()["reference"])
            arrays = {name: stored.get_tensor(name).astype(np.float64) for name in stored.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError) as error:
        msg = f"{path}: holds no reference ({error}); run `survey characterise` again"
        raise ModelError(msg) from error
    if facts["thresholds"] != card.thresholds:
        msg = f"{path}: its thresholds are not those of model.yaml; run `survey characterise` again"
        raise ModelError(msg)
    parts = {p: Gaussian(**{name: arrays[f"{p}.{name}"] for name in _ARRAYS}) for p in PARTS}
    thresholds = {p: facts["thresholds"][p] for p in PARTS}
    hues = Hues(arrays[_WEIGHTS], facts["thresholds"][HUES]) if _WEIGHTS in arrays else None
    if hues is not None and hues.weights.shape != (1 + FEATURES,):
        msg = f"{path}: tells false colour by other features than this version; run `survey characterise` again"
        raise ModelError(msg)
    return Reference(parts, thresholds, facts["quantile"], facts["windows"], tuple(facts["sites"]), hues)
