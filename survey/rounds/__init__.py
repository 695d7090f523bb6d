"""Posterior of a finished run with what became known since, in rounds that are kept."""
