"""What a run's risk was computed from, in one file: a round starts from it without imagery, model or blocks."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.engine.parts import pack, unpack
from survey.errors import InputError
from survey.files import write_bytes
from survey.risk import Prior, PriorField, assess
from survey.values import Detections, HectareGrid, Performance, Risk, SearchedArea

FILE = "basis.npz"
VERSION = 1
_AREAS = ("flown", "searched", "disturbed", "looks", "visible", "cover")


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """Everything that `survey.risk.assess` takes."""

    run_id: str
    model: str
    """'<id>@<sha256>'."""
    images: Mapping[str, str]
    """Name of each image by its id."""
    searched: SearchedArea
    detections: Detections
    items: NDArray[np.intp]
    """(N,) item number of each sighting."""
    performance: Performance
    prior: Prior | PriorField

    def assess(self) -> Risk:
        """Return the risk of the flight alone."""
        return assess(
            self.searched,
            detections=self.detections,
            items=self.items,
            performance=self.performance,
            prior=self.prior,
        )

    def prior_field(self) -> PriorField:
        """Return the prior of every cell."""
        cells = self.searched.grid.rows * self.searched.grid.cols
        return self.prior.over(cells) if isinstance(self.prior, Prior) else self.prior

    def write(self, path: Path) -> None:
        """Write the file. The same values give the same bytes."""
        about = {
            "version": VERSION,
            "run_id": self.run_id,
            "model": self.model,
            "images": dict(self.images),
            "grid": asdict(self.searched.grid),
            "classes": self.detections.classes,
            "seen_images": self.detections.images,
            "model_id": self.detections.model_id,
            "performance": asdict(self.performance),
            "prior": asdict(self.prior) if isinstance(self.prior, Prior) else None,
        }
        arrays: dict[str, NDArray[Any]] = {
            "about": np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8),
            "items": self.items.astype(np.int64),
        }
        arrays |= {f"sighting_{name}": values for name, values in self.detections.arrays().items()}
        areas = {name: getattr(self.searched, name) for name in _AREAS}
        arrays |= {f"area_{name}": values for name, values in areas.items() if values is not None}
        if isinstance(self.prior, PriorField):
            arrays |= {"prior_shape": self.prior.shape, "prior_rate": self.prior.rate_ha}
        write_bytes(path, pack(arrays))

    @classmethod
    def read(cls, run: Path) -> "Basis":
        """Read the file of a finished run.

        Raises:
            InputError: The run did not finish, or it was made before there were rounds.
        """
        path = run / "products" / FILE
        if not path.is_file():
            msg = (
                f"{path}: there is none; give the same `survey run` again: it writes its products anew from its blocks"
            )
            raise InputError(msg)
        arrays = unpack(path.read_bytes())
        about = json.loads(bytes(arrays["about"]))
        if about["version"] != VERSION:
            msg = f"{path}: has version {about['version']}, this program knows {VERSION}; give the same run again"
            raise InputError(msg)
        performance = about["performance"]
        for name in ("recall_interval", "false_alarms_interval", "own_curves", "site_alarms", "site_ha"):
            performance[name] = tuple(performance.get(name, ()))  # earlier versions wrote fewer
        columns = {name.removeprefix("sighting_"): a for name, a in arrays.items() if name.startswith("sighting_")}
        prior: Prior | PriorField
        if about["prior"] is None:
            shape, rate = arrays["prior_shape"], arrays["prior_rate"]
            # Earlier versions had one rate for all groups of a cell.
            prior = PriorField(shape, rate if rate.ndim == shape.ndim else np.repeat(rate[:, None], shape.shape[1], 1))
        else:
            prior = Prior(**about["prior"] | {"shares": tuple(about["prior"]["shares"])})
        return cls(
            about["run_id"],
            about["model"],
            about["images"],
            SearchedArea(
                HectareGrid(**about["grid"]),
                flown=arrays["area_flown"],
                searched=arrays["area_searched"],
                disturbed=arrays["area_disturbed"],
                looks=arrays.get("area_looks"),
                visible=arrays.get("area_visible"),
                cover=arrays.get("area_cover"),
            ),
            Detections(tuple(about["classes"]), tuple(about["seen_images"]), about["model_id"], **columns),
            arrays["items"].astype(np.intp),
            Performance(**performance),
            prior,
        )
