"""Simulated items laid on windows of real imagery: what share of them a model finds on this ground."""

from survey.implant.items import ALGORITHM, KINDS, SEED, Scale, enlarged, implant
from survey.implant.laying import MOST_A_WINDOW, WINDOW_PX, Ground, Searcher, Seen, Tally, lay_and_search
from survey.implant.windows import SHARE, order_of, windows_wanted
from survey.implant.words import in_words, warning_of

__all__ = [
    "ALGORITHM",
    "KINDS",
    "MOST_A_WINDOW",
    "SEED",
    "SHARE",
    "WINDOW_PX",
    "Ground",
    "Scale",
    "Searcher",
    "Seen",
    "Tally",
    "enlarged",
    "implant",
    "in_words",
    "lay_and_search",
    "order_of",
    "warning_of",
    "windows_wanted",
]
