"""What a run believes before it looks: the configured prior, or that of the evidence."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from survey.config import RunConfig
from survey.evidence import StoredPrior
from survey.risk import Prior, PriorField
from survey.values import ORDNANCE_GROUPS, HectareGrid, Risk


@dataclass(frozen=True, slots=True)
class RunPrior:
    """Density of items before the search, and where it is from; the plan holds it, so it cannot change under a run."""

    density: Prior | PriorField
    """One for all cells, or that of the evidence for each."""
    evidence: StoredPrior | None

    @classmethod
    def of(cls, config: RunConfig, grid: HectareGrid) -> "RunPrior":
        """Return the prior of a run over a grid.

        Raises:
            InputError: The evidence is not whole, or its cells are not those of the run.
        """
        if config.evidence is None:
            return cls(Prior(config.prior_items_per_ha, config.prior_shape, config.prior_shares), None)
        evidence = StoredPrior.of(Path(config.evidence))
        return cls(evidence.over(grid), evidence)

    def deciding(self) -> dict[str, object]:
        """Return what of the evidence decides the products."""
        return {"evidence": self.evidence.sha256} if self.evidence is not None else {}

    def inputs(self) -> dict[str, str]:
        """Return the hash of what was read."""
        return {"evidence/prior.tif": self.evidence.sha256} if self.evidence is not None else {}

    def tags(self) -> dict[str, str]:
        """Return the provenance that rasters carry."""
        return {"SURVEY_EVIDENCE_ID": self.evidence.evidence_id} if self.evidence is not None else {}

    def facts(self, risk: Risk) -> dict[str, Any]:
        """Return what the summary says of it: what it is, and how many items it makes of the cells that were flown."""
        expected = {"expected_items": float(np.nansum(risk.prior_items, dtype=np.float64))}
        if isinstance(self.density, Prior):
            shares = dict(zip(ORDNANCE_GROUPS, self.density.shares, strict=True))
            stated = {"items_per_ha": self.density.mean_items_per_ha, "shape": self.density.shape, "shares": shares}
            return stated | expected
        assert self.evidence is not None
        return {"evidence_id": self.evidence.evidence_id, "prior_sha256": self.evidence.sha256} | expected
