"""What a report is about: a finished run, what else was made of it, and how to tell of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.detect.model import ModelCard, find_model, load_card, model_sha256
from survey.errors import ModelError
from survey.evidence.write import PRIOR
from survey.export import read_hectares
from survey.files import sha256_of
from survey.provenance.finished import FinishedRun
from survey.provenance.imagery import RunImage, find_imagery
from survey.provenance.verdicts import Verdicts, read_verdicts
from survey.report.words import Words
from survey.resources import models_folder
from survey.rounds.taken import TakenEvidence
from survey.values import HECTARE_EDGE_M

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What a user may choose."""

    evidence: Path | None = None
    patterns: Path | None = None
    plan: Path | None = None
    candidates: Path | None = None
    number: int | None = None
    """Of the round that is reported; 0 is the run before any, None the latest."""
    flights: Path | None = None
    """CSV with a row an image: what the imagery itself does not tell."""
    images: tuple[Path, ...] = ()
    """Where to look for the imagery before where it was."""
    model: str | None = None
    """Model folder, if the run's is no released one."""
    language: str = "en"
    date: str | None = None
    """Of the report; nothing else in it is a time of making."""
    coordinates: bool = True
    most_chips: int = 60


@dataclass
class Subject:
    """A run and its layers, read when asked for and once."""

    run: FinishedRun
    options: ReportOptions
    words: Words
    flights: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By image name, from the user's table."""

    @cached_property
    def images(self) -> tuple[RunImage, ...]:
        """The imagery, with what became of it."""
        return find_imagery(self.run, elsewhere=self.options.images)

    @cached_property
    def detections(self) -> Any:
        """All sightings, the most probable first; where a model calibrates all alike, by score."""
        table = self.run.sightings
        return table.sort_values(
            ["probability", "score", "detection_id"], ascending=[False, False, True], kind="stable"
        )

    @cached_property
    def items(self) -> Any:
        """The best sighting of each item, with the number of its sightings, numbered from 1 by probability."""
        table = self.detections
        best = table.drop_duplicates("item").copy()
        best["sightings"] = best["item"].map(table["item"].value_counts())
        best["number"] = np.arange(1, len(best) + 1)
        return best

    @cached_property
    def sightings_of(self) -> dict[int, list[str]]:
        """Ids of the sightings of each item."""
        grouped = self.detections.groupby("item")["detection_id"]
        return {int(item): [str(name) for name in names] for item, names in grouped}

    @cached_property
    def evidence(self) -> Path | None:
        """Folder of evidence: the one that was given, else that of the round or run where it still lies as it was."""
        if self.options.evidence is not None or self.taken is None:
            return self.options.evidence
        return self.taken.folder()

    @cached_property
    def taken(self) -> TakenEvidence | None:
        """The evidence that the risk was computed with, wherever it lies now."""
        return TakenEvidence.of(self.run.current.folder)

    def took(self, folder: Path) -> bool:
        """Tell whether the prior in a folder of evidence is the one that the risk was computed with."""
        prior = folder / PRIOR
        return self.taken is not None and prior.is_file() and sha256_of(prior) == self.taken.sha256

    @cached_property
    def outlines(self) -> Any:
        """Searched and not searched ground."""
        return self.run.layer("searched_area")

    @cached_property
    def bands(self) -> dict[str, NDArray[np.float64]]:
        """Bands of risk.tif by name, NaN where nobody flew; of the round, if there is one.

        Raises:
            InputError: The file cannot be read.
        """
        return read_hectares(self.run.current.risk)[1]

    @cached_property
    def verdicts(self) -> Verdicts | None:
        """What reviewers decided; None without a review."""
        return read_verdicts(self.run.folder)

    @cached_property
    def model(self) -> tuple[Path, ModelCard] | None:
        """Folder and card of the run's model; None where it is not found or is not the same any more."""
        name, sha256 = self.run.model
        try:
            folder = find_model(self.options.model or name, models=models_folder())
            card = load_card(folder)
            return (folder, card) if model_sha256(folder, card) == sha256 else None
        except (ModelError, OSError):
            return None

    @property
    def extent(self) -> Bounds:
        """West, south, east, north of the hectares that somebody flew."""
        grid = self.run.grid
        rows, cols = np.nonzero(np.isfinite(self.bands["p_at_least_one"]))
        if not len(rows):
            rows, cols = np.array([0, grid.rows - 1]), np.array([0, grid.cols - 1])
        west, north = grid.x_min + cols.min() * HECTARE_EDGE_M, grid.y_max - rows.min() * HECTARE_EDGE_M
        east, south = grid.x_min + (cols.max() + 1) * HECTARE_EDGE_M, grid.y_max - (rows.max() + 1) * HECTARE_EDGE_M
        rim = 0.03 * max(east - west, north - south)
        return float(west - rim), float(south - rim), float(east + rim), float(north + rim)

    @property
    def ground(self) -> Bounds:
        """West, south, east, north of the images that were flown: a closer look than `extent`."""
        west, south, east, north = (float(v) for v in self.run.layer("images").total_bounds)
        rim = 0.03 * max(east - west, north - south)
        return west - rim, south - rim, east + rim, north + rim


def finite(values: Sequence[float] | NDArray[np.float64]) -> float:
    """Return the largest finite value, 0 without one."""
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    return float(known.max()) if known.size else 0.0


def hectares(area_ha: float) -> str:
    """Return an area in hectares with two decimals, four where it is small."""
    return f"{area_ha:,.2f}".replace(",", " ") if area_ha >= 1 or not area_ha else f"{area_ha:.4f}"
