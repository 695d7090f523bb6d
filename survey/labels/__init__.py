"""What is known to lie in a picture: labels of frames in YOLO text files and in COCO JSON."""

from survey.labels.boxes import COARSEST_GSD_M, Boxes, check_gsd
from survey.labels.coco import CocoLabels, read_coco
from survey.labels.yolo import YoloLabels, check_stems, read_yolo

__all__ = [
    "COARSEST_GSD_M",
    "Boxes",
    "CocoLabels",
    "YoloLabels",
    "check_gsd",
    "check_stems",
    "read_coco",
    "read_yolo",
]
