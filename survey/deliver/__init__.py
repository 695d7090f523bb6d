"""Exports to hand over: GIS files, IMSMA's forms, tablets, data tables, catalogue, all of them redacted if asked."""

from survey.deliver.mapping import ImsmaConfig
from survey.deliver.redaction import Redaction
from survey.deliver.run import FORMATS, Exported, export_run

__all__ = ["FORMATS", "Exported", "ImsmaConfig", "Redaction", "export_run"]
