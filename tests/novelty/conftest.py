"""A network and pictures."""

from tests.detectors import network, texture

__all__ = ["network", "texture"]
