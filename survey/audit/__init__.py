"""Faults in labels: copies across splits, odd boxes, swapped classes, labels that may be missing."""

from survey.audit.finding import Check, Finding, Severity
from survey.audit.run import AuditResult, run_audit

__all__ = ["AuditResult", "Check", "Finding", "Severity", "run_audit"]
