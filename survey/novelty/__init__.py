"""Is this imagery like what the model knows? If not, its ground does not count as searched."""

from survey.novelty.meter import NoveltyCard, NoveltyMeter, Reference, Verdict
from survey.novelty.signature import WINDOW_PX, Signature

__all__ = ["WINDOW_PX", "NoveltyCard", "NoveltyMeter", "Reference", "Signature", "Verdict"]
