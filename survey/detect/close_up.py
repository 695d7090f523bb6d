"""Features of a few magnified views of a place, by the whole ImageNet network."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from survey.detect.backbone import BACKBONES, DEEP_CHANNELS, DeepEnd, EfficientNetLite


class SecondLook(nn.Module):
    """The deep end of the network, and what is asked of its features."""

    def __init__(self, backbone: str, *, views: int, features: int) -> None:
        super().__init__()
        spec = BACKBONES[backbone]
        size = views * (3 * sum(spec.channels[1:]) + 2 * DEEP_CHANNELS)
        self.deep = DeepEnd(spec)
        self.basis: Tensor
        self.offset: Tensor
        self.register_buffer("basis", torch.zeros(features + 1, size))
        self.register_buffer("offset", torch.zeros(features + 1))

    def describe(self, backbone: EfficientNetLite, views: Sequence[Tensor]) -> Tensor:
        """Return all features, (N, D), of N places.

        Args:
            backbone: The detector's own.
            views: One (N, 3, px, px) tensor a view, normalised.
        """
        parts = []
        for pixels in views:
            _, middle, coarse = backbone(pixels)
            deep = self.deep(coarse)
            for level in (middle, coarse):
                core = _core(level, level.shape[2] // 8)
                parts += [core.mean(dim=(2, 3)), core.amax(dim=(2, 3)), level.mean(dim=(2, 3))]
            parts += [deep.mean(dim=(2, 3)), _core(deep, 1).mean(dim=(2, 3))]
        return torch.cat(parts, dim=1)

    def forward(self, described: Tensor) -> Tensor:
        """Map (N, D) features to (N, features + 1): those that alarms are told apart by, and the likeness."""
        return described @ self.basis.T + self.offset


def _core(level: Tensor, half: int) -> Tensor:
    """Return the 2 half x 2 half cells in the middle of (N, C, h, h)."""
    middle = level.shape[2] // 2
    return level[:, :, middle - half : middle + half, middle - half : middle + half]
