"""The two-headed network: likely ordnance as centre points, ground disturbance as a mask."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from survey.networks.backbone import BACKBONES, ConvNorm, EfficientNetLite

if TYPE_CHECKING:
    from survey.networks.close_up import SecondLook

HEAT_STRIDE = 4
"""Working pixels per cell of the ordnance head."""
MASK_STRIDE = 8
"""Working pixels per cell of the disturbance head."""
COARSE_STRIDE = 16
"""Working pixels per cell of the backbone's last features, by which ground is told."""
LATTICE_PX = 16
"""Deepest stride: tiles start on multiples of it, so that cells fall alike in every tiling."""
FILL = 127
"""Grey level outside the image and in nodata; becomes 0 after normalisation."""
PEAK_RADIUS = 2
"""A peak is the highest cell within this many cells: 5 x 5 cells are 20 cm at a GSD of 1 cm."""
SUPPRESS_PX = 32
"""A weaker peak inside a stronger one's item is no second item; looked for this far away, if the card asks no more."""
PRIOR_LOGIT = -4.6
"""Start of the heatmap's bias: every cell begins at p = 0.01 (Lin et al. 2017, focal loss)."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """Which network it is, beside its classes."""

    backbone: str = "lite0"
    finest: int = HEAT_STRIDE
    """Stride of the pyramid's finest level, 4 or 8. With 8, two thirds of the time are left, and the heads' logits are
    interpolated to the strides that they have in any case."""


ArchitectureName = Literal["lite0-fpn64-v2", "lite2-fpn64-v2", "lite0-fpn64s8-v2", "lite2-fpn64s8-v2"]
ARCHITECTURES: Mapping[ArchitectureName, Architecture] = MappingProxyType(
    {
        "lite0-fpn64-v2": Architecture("lite0"),
        "lite2-fpn64-v2": Architecture("lite2"),
        "lite0-fpn64s8-v2": Architecture("lite0", 8),
        "lite2-fpn64s8-v2": Architecture("lite2", 8),
    }
)
"""By the name that a model's card has; v2 has one heat channel for items of every class, and their class beside it."""


@dataclass(frozen=True, slots=True)
class Heads:
    """What the network says of a batch of tiles of H x W working pixels. Always float32."""

    heat: Tensor
    """(N, 1, H/4, W/4) logits: an item of whatever class has its centre in this cell."""
    kind: Tensor
    """(N, classes, H/4, W/4) logits: which class it is, if there is one."""
    geometry: Tensor
    """(N, 3, H/4, W/4): ln(longest extent / px), row and column of the centre within the cell in cells."""
    mask: Tensor
    """(N, 1 + disturbances, H/8, W/8) logits: undisturbed, then each kind of disturbance."""
    coarse: Tensor | None = None
    """(N, C, H/16, W/16): the backbone's last features."""


class Trunk(nn.Module):
    """Backbone, feature pyramid of two or three levels and the heads' own 3 x 3 convolutions.

    All the work is here, so this is the part that runs in reduced precision. Normalisation is the
    first thing it does: it takes uint8.
    """

    def __init__(self, architecture: Architecture, *, width: int = 64) -> None:
        super().__init__()
        spec = BACKBONES[architecture.backbone]
        deep = architecture.finest > HEAT_STRIDE
        fine, middle, coarse = spec.channels
        self.backbone = EfficientNetLite(spec)
        self.lateral4 = None if deep else nn.Conv2d(fine, width, 1)
        self.lateral8, self.lateral16 = nn.Conv2d(middle, width, 1), nn.Conv2d(coarse, width, 1)
        self.smooth4 = None if deep else ConvNorm(width, width, 3)
        self.smooth8 = ConvNorm(width, width, 3)
        self.heat = ConvNorm(width, width, 3)
        self.geometry = ConvNorm(width, width // 2, 3)
        self.mask = ConvNorm(width, width, 3)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return features for heat (N, width, H/s, W/s), geometry (N, width/2, H/s, W/s) and mask (N, width, H/8, W/8).

        The backbone's last features are the fourth. `s` is the architecture's finest stride. `pixels` is uint8 RGB
        (N, 3, H, W) with H and W multiples of `LATTICE_PX`.
        """
        x = (pixels.to(self.lateral8.weight.dtype) - FILL) / 128
        fine, middle, coarse = self.backbone(x)
        top = self.lateral8(middle) + functional.interpolate(self.lateral16(coarse), scale_factor=2.0, mode="nearest")
        eighth = self.smooth8(top)
        if self.lateral4 is None or self.smooth4 is None:
            return self.heat(eighth), self.geometry(eighth), self.mask(eighth), coarse
        quarter = self.smooth4(self.lateral4(fine) + functional.interpolate(top, scale_factor=2.0, mode="nearest"))
        return self.heat(quarter), self.geometry(quarter), self.mask(eighth), coarse


class Projection(nn.Module):
    """The last 1 x 1 convolutions, always in float32: reduced precision makes plateaus of peaks.

    Of 400 objects, bfloat16 after the sigmoid leaves thousands of tied peaks, float32 none.
    """

    def __init__(self, *, classes: int, disturbances: int, finest: int, width: int = 64) -> None:
        super().__init__()
        self.heat = nn.Conv2d(width, 1, 1)
        self.kind = nn.Conv2d(width, classes, 1)
        self.geometry = nn.Conv2d(width // 2, 3, 1)
        self.mask = nn.Conv2d(width, 1 + disturbances, 1)
        self._finest = finest
        nn.init.constant_(self.heat.bias, PRIOR_LOGIT)  # type: ignore[arg-type]

    def forward(self, features: tuple[Tensor, Tensor, Tensor, Tensor]) -> Heads:
        """Map the trunk's features to logits."""
        heat, geometry, mask, coarse = (feature.float() for feature in features)
        here = [self.heat(heat), self.kind(heat), self.geometry(geometry)]
        if self._finest > HEAT_STRIDE:  # bilinear: the nearest would make plateaus of four cells
            scale = self._finest / HEAT_STRIDE
            here = [functional.interpolate(logits, scale_factor=scale, mode="bilinear") for logits in here]
        return Heads(here[0], here[1], here[2], self.mask(mask), coarse)


class SurveyNet(nn.Module):
    """Trunk and projection. What a pixel yields does not depend on the tile, `reach_px` from its edge."""

    def __init__(
        self, *, classes: int, disturbances: int, architecture: Architecture | None = None, width: int = 64
    ) -> None:
        super().__init__()
        built = Architecture() if architecture is None else architecture
        self.trunk = Trunk(built, width=width)
        self.projection = Projection(classes=classes, disturbances=disturbances, finest=built.finest, width=width)
        self.second_look: SecondLook | None = None
        """Looks at places again, if the model has that; no part of `forward`."""

    def forward(self, pixels: Tensor) -> Heads:
        """Map uint8 RGB (N, 3, H, W) to the heads' logits; H and W are multiples of `LATTICE_PX`."""
        heads: Heads = self.projection(self.trunk(pixels))
        return heads


@cache
def reach_px(architecture: Architecture | None = None) -> int:
    """Return the network's reach in working pixels: how far away an input can move an output.

    Found by following a gradient through a copy whose every convolution averages, so that nothing
    cancels and no activation saturates. Logits that are interpolated take in one more cell.
    """
    built = Architecture() if architecture is None else architecture
    probe = SurveyNet(classes=1, disturbances=1, architecture=built, width=4).eval()
    with torch.no_grad():
        for module in probe.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.fill_(1 / module.weight[0].numel())
                if module.bias is not None:
                    module.bias.zero_()
    size = 768  # more than twice the reach, which the last line checks
    # Barely above the fill: every residual adds, and after ten of them a whole grey level would saturate.
    pixels = torch.full((1, 3, size, size), FILL + 0.01, requires_grad=True)
    reach = 0
    more = built.finest if built.finest > HEAT_STRIDE else 0
    outputs = zip(
        probe.trunk(pixels), (built.finest, built.finest, MASK_STRIDE, COARSE_STRIDE), (more, more, 0, 0), strict=True
    )
    for output, stride, interpolated in outputs:
        for cell in range(size // 2 // stride, (size // 2 + LATTICE_PX) // stride):
            (gradient,) = torch.autograd.grad(output[0, 0, cell, cell], pixels, retain_graph=True)
            rows = gradient[0].abs().sum(dim=(0, 2)).nonzero().flatten()
            own = max(cell * stride - int(rows[0]), int(rows[-1]) + 1 - (cell + 1) * stride)
            reach = max(reach, own + interpolated)
    assert reach < size // 2 - 2 * LATTICE_PX
    return reach
