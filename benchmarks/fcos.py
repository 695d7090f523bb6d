"""torchvision's FCOS in the project's terms: it learns from composed crops and searches pictures as a detector does."""

from dataclasses import dataclass, fields
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.fcos import FCOS
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

from survey.composites.compose import Sample
from survey.evaluate.scores import LEAST_SCORE
from survey.networks import FILL
from survey.networks.runtime import has_bf16
from survey.novelty.signature import at_scale
from survey.values import Detections, working_extent

CLASS = "anomaly"
CORE_PX, HALO_PX = 1024, 64
"""A picture is searched in tiles; with its halo each shows whole the replicas of half a metre that lie in its core."""
MOST_A_TILE = 1000
SPARED = -30.0
"""Logit of places that shall teach nothing: the loss of a background there is 0, and so is its gradient."""


class Sparing(FCOS):
    """FCOS that is neither asked for the boxes `ignored` of a target nor punished for what it says inside of them."""

    def compute_loss(
        self,
        targets: list[dict[str, Tensor]],
        head_outputs: dict[str, Tensor],
        anchors: list[Tensor],
        num_anchors_per_level: list[int],
    ) -> dict[str, Tensor]:
        """Return FCOS' three losses; classes of anchors in ignored boxes, and in no demanded one, are left out."""
        spared = torch.stack([_spared(own, each) for own, each in zip(anchors, targets, strict=True)])
        outputs = {name: value.float() for name, value in head_outputs.items()}
        outputs["cls_logits"] = outputs["cls_logits"].masked_fill(spared[..., None], SPARED)
        losses: dict[str, Tensor] = super().compute_loss(targets, outputs, anchors, num_anchors_per_level)
        return losses


def _spared(anchors: Tensor, target: dict[str, Tensor]) -> Tensor:
    """Return (A,) whether an anchor's centre lies in an ignored box and in no demanded one."""
    centre = (anchors[:, None, :2] + anchors[:, None, 2:]) / 2
    ignored, demanded = (
        ((centre > boxes[None, :, :2]) & (centre < boxes[None, :, 2:])).all(dim=2).any(dim=1)
        for boxes in (target["ignored"], target["boxes"])
    )
    return ignored & ~demanded


class Exact(nn.Module):
    """A last layer in float32, as the project's own network has it."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, features: Tensor) -> Tensor:
        """Return the layer's output, float32."""
        with torch.autocast(features.device.type, enabled=False):
            output: Tensor = self.layer(features.float())
        return output


def make_network() -> Sparing:
    """Return `fcos_resnet50_fpn(weights=None, weights_backbone=None)` for one class, at the scale that it is given."""
    backbone = resnet_fpn_backbone(
        backbone_name="resnet50",
        weights=None,
        norm_layer=nn.BatchNorm2d,
        trainable_layers=5,
        returned_layers=[2, 3, 4],
        extra_blocks=LastLevelP6P7(256, 256),
    )
    network = Sparing(
        backbone, num_classes=1, score_thresh=LEAST_SCORE, detections_per_img=MOST_A_TILE, _skip_resize=True
    )
    classes, boxes = network.head.classification_head, network.head.regression_head
    classes.cls_logits = Exact(classes.cls_logits)
    boxes.bbox_reg, boxes.bbox_ctrness = Exact(boxes.bbox_reg), Exact(boxes.bbox_ctrness)
    return cast("Sparing", network.to(memory_format=torch.channels_last))


def as_target(sample: Sample) -> dict[str, Tensor]:
    """Return a crop's demanded and ignored items as squares, (N, 4) x1, y1, x2, y2 in pixels."""
    half = np.maximum(sample.size_px, 1.0) / 2
    squares = np.column_stack([sample.col - half, sample.row - half, sample.col + half, sample.row + half])
    demanded, ignored = (
        torch.from_numpy(squares[mask].astype(np.float32)) for mask in (~sample.ignored, sample.ignored)
    )
    return {"boxes": demanded, "labels": torch.zeros(len(demanded), dtype=torch.int64), "ignored": ignored}


@dataclass(frozen=True, slots=True)
class Card:
    """What the scoring asks of a model."""

    gsd_m: float
    class_names: tuple[str, ...] = (CLASS,)
    contrast: None = None


@dataclass(frozen=True, slots=True)
class Adapter:
    """Searches pictures with FCOS as `survey.detect.Detector` does with its own network."""

    network: FCOS
    card: Card

    def detect(self, image: NDArray[np.uint8], *, gsd_m: float) -> Detections:
        """Return the sightings in a picture, uint8 (H, W, 3), read at the model's GSD."""
        height, width = (working_extent(extent, gsd_m / self.card.gsd_m) for extent in image.shape[:2])
        working = at_scale(image, (height, width))
        parts = [self._tile(working, row, col) for row in range(0, height, CORE_PX) for col in range(0, width, CORE_PX)]
        row, col, size, score = np.concatenate(parts, axis=1)
        count = len(row)
        found = {f.name: np.zeros(count) for f in fields(Detections)[3:]} | {
            "row": row * image.shape[0] / height,
            "col": col * image.shape[1] / width,
            "size_m": size * self.card.gsd_m,
            "score": score,
        }
        empty = Detections.empty(classes=self.card.class_names).arrays()
        columns = {name: found[name].astype(empty[name].dtype) for name in empty}
        return Detections(self.card.class_names, ("array",), "fcos", **columns)

    @torch.inference_mode()
    def _tile(self, working: NDArray[np.uint8], row: int, col: int) -> NDArray[np.float64]:
        """Return (4, N) row, col, size and score of what lies in the core that starts at (row, col)."""
        side = CORE_PX + 2 * HALO_PX
        top, left = max(0, row - HALO_PX), max(0, col - HALO_PX)
        part = working[top : row + CORE_PX + HALO_PX, left : col + CORE_PX + HALO_PX]
        tile = np.full((side, side, 3), FILL, np.uint8)
        down, across = HALO_PX - (row - top), HALO_PX - (col - left)
        tile[down : down + part.shape[0], across : across + part.shape[1]] = part
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bf16()):
            found = self.network([torch.from_numpy(tile).permute(2, 0, 1) / 255])[0]
        x0, y0, x1, y1 = found["boxes"].double().numpy().T
        rows, cols = (y0 + y1) / 2 - HALO_PX, (x0 + x1) / 2 - HALO_PX
        extent_row, extent_col = (min(CORE_PX, e - s) for e, s in zip(working.shape[:2], (row, col), strict=True))
        own = (rows >= 0) & (rows < extent_row) & (cols >= 0) & (cols < extent_col)
        size = np.maximum(x1 - x0, y1 - y0)
        return np.stack([rows + row, cols + col, size, found["scores"].double().numpy()])[:, own]
