"""Priorities: which contiguous areas to work on, by which method, in which order, within the means there are."""

from survey.priority.config import PriorityConfig, load_priority
from survey.priority.run import Prioritised, prioritise

__all__ = ["Prioritised", "PriorityConfig", "load_priority", "prioritise"]
