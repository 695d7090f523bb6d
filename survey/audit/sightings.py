"""What a model that did not train on a site sees there, against the site's labels."""

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from survey.audit.finding import Check, Coverage, Finding, Severity, Spot
from survey.audit.pictures import View
from survey.detect import Detector
from survey.evaluate.scores import Scores, score_pictures
from survey.values import UNIDENTIFIED_CLASS


class Judge:
    """Compares what models see with the labels, and keeps count of what was compared."""

    def __init__(self, models: Mapping[str, Detector], *, score: float | None) -> None:
        """Take the model of each site; `score` replaces their operating scores."""
        self._models = {site: m if score is None else m.with_threshold(score) for site, m in models.items()}
        self._searched = self._compared = self._labels = 0
        self._without: Counter[str] = Counter()
        self._coarse: Counter[str] = Counter()

    def judge(self, view: View, *, file: str, labelled: bool) -> list[Finding]:
        """Return labels that the model gives another class, and sightings where there is no label.

        A label that the model does not find is no finding: models miss most items on new ground.

        Args:
            view: Ground with its labels.
            file: Its name in the report.
            labelled: False where the data list calls the picture empty ground.
        """
        self._labels += int(_in_core(view, view.items.row, view.items.col).sum())
        detector = self._models.get(view.site)
        if detector is None:
            self._without[view.site] += 1
            return []
        if view.gsd_m > detector.card.max_gsd_m:
            self._coarse[view.site] += 1
            return []
        self._searched += 1
        scores = score_pictures(detector, [view])
        seen = scores.sightings
        own = _in_core(view, seen.y / view.gsd_m, seen.x / view.gsd_m)
        return [
            *self._swapped(view, scores, np.flatnonzero(own & seen.true), detector=detector, file=file),
            *_missing(view, scores, np.flatnonzero(own & ~seen.true & ~seen.again), file=file, labelled=labelled),
        ]

    def _swapped(
        self, view: View, scores: Scores, which: NDArray[np.intp], *, detector: Detector, file: str
    ) -> Iterator[Finding]:
        """Yield the labels that a sighting found and gave another class, where the model knows both."""
        seen, learnt = scores.sightings, {c.name for c in detector.card.classes if c.learnt}
        for n in which:
            item, named = int(seen.item[n]), scores.classes[seen.class_index[n]]
            label = scores.labels[scores.items.label[item]]
            if label not in learnt or named == UNIDENTIFIED_CLASS:
                continue
            self._compared += 1
            if named == label:
                continue
            place = view.square_at(view.items.row[item], view.items.col[item], view.items.size_px[item])
            score, size_m = float(seen.score[n]), float(seen.size_m[n])
            words = f"labelled {label}; the model takes it for {named} of {size_m * 100:.0f} cm (score {score:.2f})"
            numbers = {"score": round(score, 4), "model_class": named, "model_size_m": round(size_m, 4)}
            yield Finding(Check.CLASSES_BY_MODEL, Severity.WARNING, view.site, Spot(file, place), words, numbers)

    def coverage(self) -> list[Coverage]:
        """Return how much the two checks looked at."""
        left_out = [f"{site}: no model for {_amount(count)}" for site, count in self._without.items()]
        left_out += [f"{site}: too coarse for the model: {_amount(count)}" for site, count in self._coarse.items()]
        labels = list(left_out)
        if beside := self._labels - self._compared:
            labels.append(
                f"{beside} of {self._labels} labels: not searched, or not found, or the model gives them no class, or "
                "has not learnt theirs"
            )
        return [
            Coverage(Check.CLASSES_BY_MODEL, self._compared, "labels", tuple(labels)),
            Coverage(Check.MISSING, self._searched, "pictures", tuple(left_out)),
        ]


def _missing(view: View, scores: Scores, which: NDArray[np.intp], *, file: str, labelled: bool) -> Iterator[Finding]:
    seen = scores.sightings
    for n in which:
        score, size_m, named = float(seen.score[n]), float(seen.size_m[n]), scores.classes[seen.class_index[n]]
        row, col = seen.y[n] / view.gsd_m, seen.x[n] / view.gsd_m
        where = "where nothing is labelled" if labelled else "on ground that is listed as empty"
        words = f"the model sees {named} of {size_m * 100:.0f} cm (score {score:.2f}) {where}"
        spot = Spot(file, view.square_at(row, col, size_m / view.gsd_m))
        numbers = {"score": round(score, 4), "model_class": named, "model_size_m": round(size_m, 4)}
        yield Finding(Check.MISSING, Severity.WARNING, view.site, spot, words, numbers)


def _amount(count: int) -> str:
    return f"{count} picture{'s' * (count != 1)} or part{'s' * (count != 1)}"


def _in_core(view: View, row: NDArray[np.float64], col: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (N,) which places of a view are its own, and no neighbour's."""
    if view.core is None:
        return np.ones(len(row), bool)
    core = view.core
    return (row >= core.row) & (row < core.row_end) & (col >= core.col) & (col < core.col_end)
