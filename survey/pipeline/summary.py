"""A run in numbers, and the fingerprints of what it was made from."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey import export
from survey.engine import BlockState, Receipt
from survey.pipeline.plan import Plan
from survey.values import Detections, Performance, Risk, SearchedArea


def summary_of(  # noqa: PLR0913 - all that a run has come to
    plan: Plan,
    receipts: Sequence[Receipt],
    *,
    risk: Risk,
    searched: SearchedArea,
    detections: Detections,
    items: NDArray[np.intp],
    performance: Performance,
) -> dict[str, Any]:
    """Return what summary.json says of a run, but for what only its images tell.

    Args:
        plan: The run's plan.
        receipts: One for each block of the plan.
        risk: Of its hectares.
        searched: What of them was searched.
        detections: All sightings.
        items: (N,) item number of each.
        performance: What risk was computed with.
    """
    unread = [r for r in receipts if r.state is BlockState.NOT_SEARCHED]
    summary = export.summarise(risk, searched=searched, detections=detections, items=items)
    card = plan.card
    return summary | {
        "run_id": plan.identity.run_id,
        "blocks": {
            "searched": len(receipts) - len(unread),
            "not_searched": len(unread),
            "reasons": sorted({str(r.reason) for r in unread}),
            "tiles_saturated": sum(r.counts.get("tiles_saturated", 0) for r in receipts),
        },
        "images": [
            {
                "name": p.image.path.name,
                "id": p.image.image_id,
                "gsd_m": p.image.gsd_m,
                "warnings": list(p.image.warnings),
            }
            for p in plan.images
        ],
        "model": {
            "id": card.id,
            "recall": card.performance.recall,
            "recall_interval": list(card.performance.recall_interval),
            "false_alarms_per_ha": card.performance.false_alarms_per_ha,
            "measured_on": card.performance.measured_on,
            "performance": asdict(performance),
            "not_learnt": [c.name for c in (*card.classes, *card.disturbances) if not c.learnt],
        },
        "prior": plan.prior.facts(risk),
        "limits": (
            "No detection is not absence of ordnance. Ground that was not searched is nodata. "
            "Figures of risk are for ordering work, and decide nothing about any piece of land."
        ),
    }


def named_inputs(plan: Plan) -> dict[str, str]:
    """Return every input's hash by its name; of like names each gets its image id, so that none is lost."""
    names = Counter(name for name, _ in plan.identity.inputs)
    inputs = {name if names[name] == 1 else f"{name} ({sha[:16]})": sha for name, sha in plan.identity.inputs}
    inputs |= {plan.aoi.path.name: plan.aoi.sha256} if plan.aoi is not None else {}
    inputs |= {f"{plan.cover.path.name} (cover)": plan.cover.sha256} if plan.cover is not None else {}
    return inputs | plan.prior.inputs()


def model_files(plan: Plan) -> dict[str, str]:
    """Return the hashes of the model's files by their names."""
    files = [plan.card.weights] + ([plan.card.novelty] if plan.card.novelty is not None else [])
    return {f.file: f.sha256 for f in files} | {"card_and_weights": plan.identity.model.split("@")[1]}
