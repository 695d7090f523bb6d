"""The audit chain: where everything comes from, and whether it is still what it was."""

from survey.provenance.trace import Folders, trace_detection, trace_place
from survey.provenance.verify import Finding, Verification, verify

__all__ = ["Finding", "Folders", "Verification", "trace_detection", "trace_place", "verify"]
