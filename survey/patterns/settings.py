"""What counts as a row."""

from dataclasses import dataclass

from survey.errors import ConfigError


@dataclass(frozen=True, slots=True)
class PatternSettings:
    """Lengths in metres."""

    width_m: float = 0.5
    """Largest standard deviation across a row: laying and position error together."""
    gap_m: float = 20.0
    """Longest stretch of a row without a sighting."""
    least_members: int = 5
    level: float = 0.05
    """Chance of one false row or more on a site whose items are strewn by chance."""
    simulations: int = 199
    jitter_m: float = 5.0
    """How far items are moved in the second null, which keeps where they are many and where few."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("width_m", "gap_m", "jitter_m"):
            if getattr(self, name) <= 0:
                msg = f"{name}: is a length in metres above 0, got {getattr(self, name)}"
                raise ConfigError(msg)
        if self.gap_m <= 8 * self.width_m:
            msg = f"gap_m: is more than 8 times width_m ({self.width_m}), or rows have no direction; got {self.gap_m}"
            raise ConfigError(msg)
        if self.jitter_m < 5 * self.width_m:
            msg = f"jitter_m: is at least 5 times width_m ({self.width_m}), or rows survive it; got {self.jitter_m}"
            raise ConfigError(msg)
        if self.least_members < 4:
            msg = f"least_members: a row has at least 4, for any 3 are nearly in line; got {self.least_members}"
            raise ConfigError(msg)
        if not 0 < self.level < 1 or self.simulations < 1 / self.level - 1:
            msg = f"level, simulations: {self.simulations} simulations cannot show a level of {self.level}; take more"
            raise ConfigError(msg)
