"""What a model's card holds of simulated items laid on real ground: what a run's own count is compared with."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=0)]


class ImplantSite(BaseModel):
    """Items laid on one site."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    laid: Count
    """Without those set aside."""
    found: Count
    set_aside: Count = 0
    """A sighting was there without them."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.found > self.laid:
            msg = f"{self.found} items were found of {self.laid} that were laid"
            raise ValueError(msg)
        return self


class ImplantsCard(BaseModel):
    """Simulated items found on the ground that the card's recall was counted on.

    They are not real items, and their share is no recall. Only how it differs between grounds is used.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    laid: Annotated[int, Field(gt=0)]
    found: Count
    sites: tuple[str, ...]
    """That `laid` and `found` are of."""
    by_site: dict[str, ImplantSite]
    """All real sites: how much the share varies between grounds."""
    score: Annotated[float, Field(gt=0, lt=1)]
    """Least score of a sighting that counts."""
    seed: int
    algorithm: int
    """How items are laid and counted; counts of different numbers are not compared."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        parts = [self.by_site.get(site) for site in self.sites]
        own = [part for part in parts if part is not None]
        if len(own) < len(parts) or (sum(p.laid for p in own), sum(p.found for p in own)) != (self.laid, self.found):
            msg = f"{self.found} of {self.laid} items are not the sum of the sites {', '.join(self.sites)}"
            raise ValueError(msg)
        return self
