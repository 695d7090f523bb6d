"""Items laid on a flight and counted without searching the rest of it."""

from collections.abc import Sequence
from pathlib import Path

from survey.config import RunConfig
from survey.engine import RunPlan, open_run
from survey.implant import Tally
from survey.pipeline.background import recorded_background
from survey.pipeline.implants import recorded_implants
from survey.pipeline.plan import plan_run
from survey.pipeline.search import detector_on


def count_laid(images: Sequence[str | Path], out: str | Path, *, config: RunConfig, resume: bool = True) -> Tally:
    """Lay simulated items on images and count those found: what `run` with these settings does before its search.

    Args:
        images: Files, folders or globs.
        out: Folder for what was measured: new, empty, or holding this same count, which then goes on. Not a run's.
        config: Settings; `implants` are how many.
        resume: False starts over.

    Raises:
        SurveyError: Bad input, configuration, model or folder; the message says what to do.
    """
    plan, detector = plan_run(images, config=config, aoi=None)
    with open_run(Path(out), RunPlan(plan.identity, ()), resume=resume) as opened:
        recorded_background(plan, opened.store, detector=lambda: detector)
        tally = recorded_implants(plan, opened.store, detector=lambda: detector_on(plan, opened.store))
    return tally if tally is not None else Tally()
