"""What decides the products of a run, and how two runs differ."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from survey.engine.keys import canonical_json, digest

_SHOWN = 4
"""More differences than this are counted, not listed: the message stays one line."""


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """Everything that may change a byte of the products. No time, no machine, no number of workers."""

    config: Mapping[str, object]
    """The configuration's deciding keys, as resolved: the runtime that runs, not 'auto'."""
    model: str
    """'<id>@<sha256>'."""
    inputs: tuple[tuple[str, str], ...]
    """File name and SHA-256 of each image, in the order of the run."""
    aoi: str | None
    """SHA-256 of the AOI's polygons and CRS; None without."""
    versions: Mapping[str, str]
    """Of this program and of the libraries whose arithmetic or formats show in the products."""

    @property
    def run_id(self) -> str:
        """16 hex digits that name the run."""
        return digest(asdict(self))[:16]

    def differences(self, other: "RunIdentity") -> str:
        """Return what `other` has instead, such as 'model: a@1f → b@2e; core_px: 1024 → 512'."""
        found = [f"{key}: {a} → {b}" for key, a, b in _changed(self.config, other.config)]
        if self.model != other.model:
            found.insert(0, f"model: {_short(self.model)} → {_short(other.model)}")
        found += _changed_inputs(self.inputs, other.inputs)
        if self.aoi != other.aoi:
            found.append(f"AOI: {_short(self.aoi or 'none')} → {_short(other.aoi or 'none')}")
        found += [f"{key}: {a} → {b}" for key, a, b in _changed(self.versions, other.versions)]
        rest = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        return "; ".join(found[:_SHOWN] + rest)


def _changed(ours: Mapping[str, object], theirs: Mapping[str, object]) -> list[tuple[str, object, object]]:
    """Return (key, ours, theirs) where they differ; JSON tells a tuple from no list, and NaN equals itself."""
    keys = dict.fromkeys([*ours, *theirs])
    pairs = [(key, ours.get(key), theirs.get(key)) for key in keys]
    return [(key, a, b) for key, a, b in pairs if canonical_json(a) != canonical_json(b)]


def _changed_inputs(ours: tuple[tuple[str, str], ...], theirs: tuple[tuple[str, str], ...]) -> list[str]:
    """Name the images that came, went or changed."""
    came, went = Counter(theirs) - Counter(ours), Counter(ours) - Counter(theirs)
    names_came, names_went = {name for name, _ in came}, {name for name, _ in went}
    found = [f"input {name}: other content" for name in sorted(names_came & names_went)]
    found += [f"input {name}: new" for name in sorted(names_came - names_went)]
    found += [f"input {name}: gone" for name in sorted(names_went - names_came)]
    return found or (["inputs: another order"] if ours != theirs else [])


def _short(name: str) -> str:
    """Shorten the hash behind the last '@', or a bare hash."""
    head, at, tail = name.rpartition("@")
    return f"{head}{at}{tail[:8]}"
