"""`survey audit`: look for faults in labels, and write down what was found and what was not looked at."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from survey.audit.boxes import check_boxes
from survey.audit.crossfit import choose_models
from survey.audit.duplicates import Print, find_copies, print_of
from survey.audit.finding import Check, Coverage, Finding, Severity, Spot, counted
from survey.audit.page import TITLES, render_page
from survey.audit.pictures import Marks, Picture, View
from survey.audit.sightings import Judge
from survey.audit.sizes import check_sizes
from survey.audit.source import Material, gather
from survey.config import RunConfig, load_config
from survey.detect import Detector, load_detector
from survey.errors import ConfigError, InputError
from survey.evaluate.source import UNNAMED, Options
from survey.files import make_folder, write_bytes

REPORT, PAGE = "audit.json", "audit.html"
FORMAT = 1
CAUTION = "no finding is no proof: these checks find some kinds of faults, and nothing here was changed"


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What an audit left behind."""

    out: Path
    report: dict[str, Any]
    """As in `audit.json`."""
    text: str
    """The same in a few lines for people."""


def run_audit(options: Options, *, out: Path, models: Sequence[str] = (), score: float | None = None) -> AuditResult:
    """Audit labels and write `audit.json` and `audit.html` into `out`; neither pictures nor labels are changed.

    Args:
        options: What to audit: a data list, or pictures with YOLO or COCO labels.
        out: Folder for the results; an audit in it is replaced.
        models: `MODEL` or `SITE=MODEL`, each a released model or a model folder that did not train on the site;
            without one the two checks that need it are not done.
        score: Operating point; each model's own if None.

    Raises:
        ConfigError: The options or the data list do not fit, or a model was trained on a site it should judge.
        InputError: There is nothing to audit, or a file of labels of many pictures cannot be used. A picture that
            cannot be read is a finding.
        ModelError: There is no such model.
    """
    if score is not None and not 0 < score < 1:
        msg = f"--score: a score lies between 0 and 1, got {score}"
        raise ConfigError(msg)
    if score is not None and not models:
        msg = "--score has no meaning without --model; leave it out"
        raise ConfigError(msg)
    material = gather(options)
    config = load_config(RunConfig, overrides=options.overrides)

    def load(model: str) -> Detector:
        return load_detector(
            model, runtime=config.runtime, precision=config.precision, threads=config.threads, core_px=config.core_px
        )

    detectors = choose_models(models, sites=material.sites, load=load)
    make_folder(out)
    audit = _Audit(Judge(detectors, score=score))
    for picture in material.pictures:
        audit.look_at(picture)
    findings, coverage = audit.concluded(material)
    report = _report(findings, coverage, material=material, detectors=detectors, score=score)
    page = render_page(report, findings, {picture.file: picture for picture in material.pictures})
    write_bytes(out / PAGE, page.encode())
    write_bytes(out / REPORT, json.dumps(report, indent=2, sort_keys=True, allow_nan=False).encode())
    return AuditResult(out, report, _in_words(report))


class _Audit:
    """What is gathered while the pictures are read, each once."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._findings: list[Finding] = []
        self._prints: list[Print] = []
        self._labelled: list[tuple[str, str, Marks]] = []
        self._read = 0

    def look_at(self, picture: Picture) -> None:
        """Read a picture, and note what the other checks need of it."""
        site, file = picture.group.site, picture.file
        for view in self._views(picture):
            if view.marks is not None:
                self._read += 1
                self._labelled.append((site, file, view.marks))
                self._findings += check_boxes(view.marks, site=site, file=file)
            self._prints.append(print_of(view, spot=Spot(file, view.place), group=picture.group))
            self._findings += self._judge.judge(view, file=file, labelled=picture.labelled)

    def _views(self, picture: Picture) -> Iterator[View]:
        """Yield what can be read; what cannot is a finding."""
        try:
            yield from picture.views()
        except (InputError, ConfigError) as error:
            words = f"not audited: {error}"
            spot = Spot(picture.file)
            self._findings.append(Finding(Check.UNREAD, Severity.ERROR, picture.group.site, spot, words))

    def concluded(self, material: Material) -> tuple[list[Finding], list[Coverage]]:
        """Return all findings, worst first within a check, and what each check looked at."""
        copies, copies_covered = find_copies(self._prints)
        odd, sizes_covered = check_sizes(self._labelled)
        on_maps = [finding for file in material.maps for finding in file.findings()]
        labels = sum(len(marks.boxes.classes) for *_, marks in self._labelled)
        covered = [
            Coverage(Check.UNREAD, len(material.pictures), "pictures", material.left_out),
            copies_covered,
            Coverage(Check.BOXES, labels, "labels"),
            *sizes_covered,
            *self._judge.coverage(),
        ]
        weights, checks = list(Severity), list(Check)
        findings = [*self._findings, *on_maps, *copies, *odd]
        return sorted(findings, key=lambda f: (checks.index(f.check), weights.index(f.severity), _strength(f))), covered


def _strength(finding: Finding) -> float:
    """Return what orders findings of one check and severity: sightings by score, best first."""
    score = finding.numbers.get("score", 0.0)
    return -float(score)


def _report(
    findings: Sequence[Finding],
    coverage: Sequence[Coverage],
    *,
    material: Material,
    detectors: dict[str, Detector],
    score: float | None,
) -> dict[str, Any]:
    checks = {str(c.check): {**c.as_json(), "findings": counted(findings, c.check)} for c in coverage}
    labels = checks[Check.BOXES]["looked_at"]
    notes = [CAUTION]
    if UNNAMED in material.sites and detectors:
        notes.append("nobody named the site, so it could not be compared with those of the training; give --site")
    return {
        "format": FORMAT,
        "text": f"{len(material.pictures)} pictures of {', '.join(material.sites)}, {labels} labels",
        "sites": list(material.sites),
        "pictures": len(material.pictures),
        "labels": labels,
        "models": {
            site: {
                "id": detector.card.id,
                "sha256": detector.sha256,
                "score": detector.card.thresholds.score if score is None else score,
                "trained_on": list(detector.card.training.sites),
            }
            for site, detector in sorted(detectors.items())
        },
        "checks": checks,
        "findings": [finding.as_json() for finding in findings],
        "notes": notes,
    }


def _in_words(report: dict[str, Any]) -> str:
    lines = [report["text"]]
    for check in Check:
        told = report["checks"][check]
        counts = ", ".join(f"{n} {name}{'s' * (n != 1)}" for name, n in told["findings"].items() if n)
        if told["status"] == "not done":
            lines.append(f"  {TITLES[check][0]}: not done{f'; {counts}' if counts else ''}")
        else:
            lines.append(f"  {TITLES[check][0]}: {counts or 'no finding'} ({told['amount']}, {told['status']})")
    lines += [f"note: {note}" for note in report["notes"]]
    return "\n".join(lines)
