"""The command line: parse, call, print. What is heavy is imported inside the commands."""

from survey.cli import deliver, flight, models, report, review, risk  # importing a module adds its commands
from survey.cli.app import app
from survey.cli.entry import main

__all__ = ["app", "deliver", "flight", "main", "models", "report", "review", "risk"]
