"""A card, a network and pictures."""

from tests.detectors import card, network, texture

__all__ = ["card", "network", "texture"]
