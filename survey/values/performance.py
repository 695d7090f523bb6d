"""How well a model finds ordnance, as its card states it: what the risk model needs to know."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Performance:
    """A model's operating point with its uncertainty, measured on sites that training never saw."""

    recall: float
    """Share of visible items found, 0..1."""
    recall_interval: tuple[float, float]
    """95 % interval of `recall`."""
    false_alarms_per_ha: float
    false_alarms_interval: tuple[float, float]
    """95 % interval of `false_alarms_per_ha`."""
    prevalence: float
    """Share of true items among the detections that `probability` was calibrated on."""
    max_gsd_m: float
    """Imagery coarser than this is not searched for ordnance, metres."""
    items: int = 0
    """Items that `recall` was counted on; 0: not known, the interval alone says how sure it is."""
    found: int = 0
    """How many of them were found."""
    false_alarms: int = 0
    """False alarms counted on `searched_ha`."""
    searched_ha: float = 0.0
    """Hectares that false alarms were counted on; 0: not known."""
    false_alarms_by_class: Mapping[str, int] | None = None
    """How many of `false_alarms` were called what; None: not counted."""
    found_by_class: Mapping[str, int] | None = None
    """How many of the items found were called what; None: not counted."""
    site_alarms: tuple[int, ...] = ()
    """False alarms of each site (flight, picture) that `searched_ha` was drawn from; empty: not told apart."""
    site_ha: tuple[float, ...] = ()
    """Hectares of each."""
    own_curves: tuple[str, ...] = ()
    """Classes whose probability was calibrated on sightings of that class alone."""
    implants_laid: int = 0
    """Simulated items laid on the run's own imagery; 0: not measured."""
    implants_found: int = 0
    """How many of them were found."""
    implants_laid_reference: int = 0
    """The same items laid on the ground that `recall` was counted on; 0: not measured."""
    implants_found_reference: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.recall <= 1:
            msg = f"recall lies in (0, 1], got {self.recall}"
            raise ValueError(msg)
        if self.false_alarms_per_ha <= 0:
            msg = f"a false-alarm rate is positive (an upper bound if none was seen), got {self.false_alarms_per_ha}"
            raise ValueError(msg)
        if not 0 < self.prevalence < 1:
            msg = f"prevalence lies in (0, 1), got {self.prevalence}"
            raise ValueError(msg)
        for name, total in (("false_alarms", self.false_alarms), ("found", self.found)):
            by_class = getattr(self, f"{name}_by_class")
            if by_class is not None and (min(by_class.values(), default=0) < 0 or sum(by_class.values()) != total):
                msg = f"{name}_by_class adds up to {name}, got {dict(by_class)} of {total}"
                raise ValueError(msg)
        if len(self.site_alarms) != len(self.site_ha) or not all(ha > 0 for ha in self.site_ha):
            msg = f"{len(self.site_alarms)} sites have false alarms and {len(self.site_ha)} have hectares"
            raise ValueError(msg)
        pairs = (
            (self.implants_found, self.implants_laid),
            (self.implants_found_reference, self.implants_laid_reference),
        )
        if not all(0 <= found <= laid for found, laid in pairs):
            msg = f"no more implants are found than were laid, got (found, laid) {pairs}"
            raise ValueError(msg)
        if not 0 <= self.found <= self.items or self.false_alarms < 0 or self.searched_ha < 0:
            msg = (
                f"{self.found} of {self.items} items found and {self.false_alarms} false alarms on "
                f"{self.searched_ha} ha: counts and areas are not negative, and no more is found than there is"
            )
            raise ValueError(msg)
