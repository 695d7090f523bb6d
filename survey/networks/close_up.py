"""Features of magnified views of a place, by the ImageNet network, and what is asked of them."""

import torch
from torch import Tensor, nn

from survey.networks.backbone import BACKBONES, DEEP_CHANNELS, BackboneSpec, DeepEnd, EfficientNetLite
from survey.networks.network import FILL


class SecondLook(nn.Module):
    """The deep end of the network, and what is asked of its features."""

    def __init__(self, backbone: str, *, views: int, features: int) -> None:
        super().__init__()
        spec = BACKBONES[backbone]
        size = views * _features(spec)
        self.deep = DeepEnd(spec)
        self.basis: Tensor
        self.offset: Tensor
        self.register_buffer("basis", torch.zeros(features + 1, size))
        self.register_buffer("offset", torch.zeros(features + 1))

    def forward(self, described: Tensor) -> Tensor:
        """Map (N, D) features of all views to (N, features + 1): those that alarms are told apart by, the likeness."""
        return described @ self.basis.T + self.offset


class CloseUp(nn.Module):
    """The whole network on views: (N, 3, px, px) uint8 RGB to (N, `features`)."""

    def __init__(self, backbone: EfficientNetLite, deep: DeepEnd) -> None:
        """Put the detector's backbone, or a copy, before the deep end."""
        super().__init__()
        self.backbone, self.deep = backbone, deep
        self.features = _features(backbone.spec)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return means and maxima of the views and of their middles."""
        _, middle, coarse = self.backbone((pixels.float() - FILL) / 128)
        deep = self.deep(coarse)
        parts = []
        for level in (middle, coarse):
            core = _core(level, level.shape[2] // 8)
            parts += [core.mean(dim=(2, 3)), core.amax(dim=(2, 3)), level.mean(dim=(2, 3))]
        parts += [deep.mean(dim=(2, 3)), _core(deep, 1).mean(dim=(2, 3))]
        return torch.cat(parts, dim=1)


class Middle(nn.Module):
    """The backbone on views: (N, 3, px, px) uint8 RGB to (N, `features`), the cells of stride 16 in their middle."""

    CELLS = 4
    """Along an edge of the square in the middle."""

    def __init__(self, backbone: EfficientNetLite) -> None:
        """Take the detector's backbone, or a copy."""
        super().__init__()
        self.backbone = backbone
        self.channels = backbone.spec.channels[2]
        self.features = self.CELLS**2 * self.channels

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the features of one cell after another."""
        coarse = self.backbone((pixels.float() - FILL) / 128)[2]
        return _core(coarse, self.CELLS // 2).permute(0, 2, 3, 1).flatten(1)


def _features(spec: BackboneSpec) -> int:
    """Return how many features a view has."""
    return 3 * sum(spec.channels[1:]) + 2 * DEEP_CHANNELS


def _core(level: Tensor, half: int) -> Tensor:
    """Return the 2 half x 2 half cells in the middle of (N, C, h, h)."""
    middle = level.shape[2] // 2
    return level[:, :, middle - half : middle + half, middle - half : middle + half]
