"""Every kind that can be rendered, and the order in which a bank draws them."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from survey.simulate.render.ap_mines import AP_MINES
from survey.simulate.render.at_mines import AT_MINES
from survey.simulate.render.kind import CLUTTER, Kind
from survey.simulate.render.litter import LITTER
from survey.simulate.render.munitions import MUNITIONS

KINDS: Mapping[str, Kind] = MappingProxyType(AP_MINES | AT_MINES | MUNITIONS | LITTER)
ORDNANCE_SHARE = 0.6


def kind_of(number: int, *, seed: int) -> str:
    """Return the kind of a bank's sprite: in turn, shuffled in every round, three of ordnance to two of clutter."""
    ordnance = [name for name in KINDS if not name.startswith(CLUTTER)]
    clutter = [name for name in KINDS if name.startswith(CLUTTER)]
    cycle, place = divmod(number, 5)
    names, index = (ordnance, 3 * cycle + place) if place < 5 * ORDNANCE_SHARE else (clutter, 2 * cycle + place - 3)
    turn, which = divmod(index, len(names))
    order = np.random.default_rng([seed, turn, len(names)]).permutation(len(names))
    return names[int(order[which])]
