"""An evaluation in a few lines for people."""

from collections.abc import Mapping
from typing import Any


def in_words(report: Mapping[str, Any]) -> str:
    """Return the short table that the command line prints."""
    recall, alarms = report["recall"], report["false_alarms_per_ha"]
    lines = [
        _head(report),
        f"at score {report['least_score']:g}: recall {_share(recall)}, false alarms per hectare {_rate(alarms)}",
    ]
    if report["items"]:
        lines += ["", "  false alarms/ha   recall   95 %            score", *map(_froc_line, report["froc"]), ""]
        lines += [_at_recall(point) for point in report["alarms_at_recall"]]
        lines.append(f"average precision by centre distance {report['centre_ap']:.3f}; {_coco(report['coco'])}")
    for name, label in _STRATA.items():
        rows = [row for row in report["strata"][name] if row["of"]]
        if len(rows) > 1:
            lines += [f"recall by {label}:", *(f"  {row['stratum']}: {_share(row)}" for row in rows)]
    quality = report["calibration_quality"]
    if quality["after_cross_fitted"]["ece"] is not None:
        before, after = quality["before"], quality["after_cross_fitted"]
        lines.append(
            f"calibration ({report['calibration']['kind']}) on {quality['sightings']} sightings, cross-fitted over "
            f"{quality['grouped_by']}s: ECE {before['ece']:.3f} -> {after['ece']:.3f}, "
            f"Brier {before['brier']:.3f} -> {after['brier']:.3f}"
        )
    lines += [f"note: {caution}" for caution in report["cautions"]]
    return "\n".join(lines)


def _head(report: Mapping[str, Any]) -> str:
    kind, count = report["stretches"]["kind"], report["stretches"]["count"]
    where = f"{report['area_ha']:.3g} ha in {count} {kind}{'s' * (count != 1)}"
    return f"model {report['model']['id']} on {', '.join(report['by_site'])}: {report['items']} items, {where}"


_STRATA = {
    "class": "class",
    "site": "site",
    "size_at_model_gsd": "size at the model's GSD",
    "gsd": "GSD of the picture",
    "green_cover": "green cover",
    "texture": "roughness of the ground",
}


def _share(rate: Mapping[str, Any]) -> str:
    """Return a share with its interval and counts."""
    if rate["value"] is None:
        return "unknown (no items)"
    return f"{rate['value']:.3f} ({rate['low']:.3f} to {rate['high']:.3f}; {rate['count']} of {rate['of']})"


def _rate(rate: Mapping[str, Any]) -> str:
    return (
        f"{rate['value']:.3g} ({rate['low']:.3g} to {rate['high']:.3g}; {rate['count']} on {rate['of']:.3g} ha; "
        f"{rate['interval']})"
    )


def _froc_line(point: Mapping[str, Any]) -> str:
    low, high = point["recall_interval"]
    short = "" if point["resolved"] else "  (before the first false alarm: too little ground for this rate)"
    return f"  {point['per_ha']:>15g}   {point['recall']:.3f}    {low:.3f} to {high:.3f}  {point['score']:.3f}{short}"


def _at_recall(point: Mapping[str, Any]) -> str:
    if point["score"] is None:
        return f"recall {point['recall']:.2f} is not reached at any score"
    return f"recall {point['recall']:.2f} costs {_rate(point['false_alarms_per_ha'])} false alarms per hectare"


def _coco(coco: Mapping[str, Any]) -> str:
    if "omitted" in coco:
        return f"COCO AP {coco['omitted']}"
    return f"COCO AP {coco['ap']:.3f}, AP50 {coco['ap50']:.3f} (squares)"
