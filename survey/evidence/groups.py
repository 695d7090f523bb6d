"""The groups of ordnance that evidence speaks of, and what it may say of land."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from survey.values import ORDNANCE_GROUPS

GROUPS = ORDNANCE_GROUPS
GROUP_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "ap": "anti-personnel mines",
        "at": "anti-tank mines",
        "submunition": "submunitions",
        "uxo": "other unexploded ordnance",
    }
)
VERDICTS = re.compile(r"(?i)(?<![a-z])(?:un)?(?:safe|clear|cleared|cancelled|canceled)(?![a-z])")
"""Words that read as a release of land; nothing that this program writes of land may hold one."""
