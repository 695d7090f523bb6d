"""Sections at the end: limits, fingerprints, settings."""

from pathlib import PurePosixPath

from survey.export import MANIFEST, verify_manifest
from survey.export.manifest import listed_products
from survey.files import sha256_of
from survey.markup import Markup, facts, joined, prose, table, tag
from survey.report.subject import Subject

LIMITS = 6
SHA = 64
"""Digits of a SHA-256: the program's version is among a round's inputs too."""


def limits(subject: Subject) -> Markup:
    """Return what the report does not say."""
    w = subject.words
    lines = [tag("li", w(f"limits.{n}")) for n in range(1, LIMITS + 1)]
    flagged = subject.run.manifest.get("notes", [])
    warnings = sorted({text for image in subject.run.summary["images"] for text in image["warnings"]})
    return tag("ul", *lines, *(tag("li", note) for note in [*flagged, *warnings]))


def hashes(subject: Subject) -> Markup:
    """Return the manifest, whether the products are still as it says, versions and settings."""
    w, run = subject.words, subject.run
    problems = verify_manifest(run.products)
    if problems:
        state = joined(
            tag("p", w("hashes.changed"), class_="caution"), tag("ul", *(tag("li", line) for line in problems))
        )
    else:
        state = tag("p", w("hashes.same", n=len(run.manifest["products"])))
    listed = [(w("hashes.product"), name, told["sha256"]) for name, told in run.manifest["products"].items()]
    listed += [(w("hashes.input"), name, sha256) for name, sha256 in run.manifest["inputs"].items()]
    listed += [(w("hashes.model"), name, sha256) for name, sha256 in run.manifest["model"].items()]
    listed.append((w("hashes.manifest"), MANIFEST, sha256_of(run.products / MANIFEST)))
    if run.current.round is not None:
        of = run.current.folder
        listed += [(w("hashes.product"), f"rounds/{of.name}/{name}", sha) for name, sha in listed_products(of).items()]
        listed += [(w("hashes.input"), name, sha) for name, sha in run.current.round.inputs.items() if len(sha) == SHA]
        listed.append((w("hashes.manifest"), f"rounds/{of.name}/{MANIFEST}", sha256_of(of / MANIFEST)))
    rows: list[list[str | Markup | None]] = [
        [kind, tag("span", name, class_="file"), tag("code", sha256)] for kind, name, sha256 in listed
    ]
    table_of = table([w(f"hashes.{h}") for h in ("kind", "file", "sha")], rows, kind="dense")
    versions = ", ".join(f"{name} {number}" for name, number in sorted(run.identity.versions.items()))
    told: list[tuple[str, str | Markup]] = [
        (w("hashes.versions"), versions),
        (w("hashes.settings"), _settings(subject)),
    ]
    return joined(prose(w("hashes.about")), state, table_of, facts(told))


def _settings(subject: Subject) -> str:
    """Return the settings that decide; a path is cut to its last name, for folders are nobody's business."""
    told = []
    for name, value in sorted(subject.run.identity.config.items()):
        words = PurePosixPath(value).name if isinstance(value, str) and "/" in value else value
        told.append(f"{name} {words}")
    return ", ".join(told)
