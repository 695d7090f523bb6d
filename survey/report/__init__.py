"""The report of a finished run, as a page and as PDF."""

from survey.report.run import write_report
from survey.report.subject import ReportOptions

__all__ = ["ReportOptions", "write_report"]
