"""Distributions of numbers of items: the arithmetic under the posterior, which knows no maps and no files."""
