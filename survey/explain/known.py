"""What a round adds to a run: verdicts, what the site taught, work on the ground, and the risk that came of it."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.errors import InputError
from survey.evidence import Section
from survey.explain.finished import FinishedRun
from survey.export import read_hectares, read_layer
from survey.risk import Belief
from survey.rounds.known import REJECTED, REMOVED, STATES, STILL_THERE


@dataclass(frozen=True, slots=True, eq=False)
class RoundKnown:
    """One round as it stands in its folder."""

    number: str
    bands: dict[str, NDArray[np.float64]]
    """Of its risk.tif."""
    state: NDArray[np.object_]
    """(N,) of each sighting of the run, in the order that the run's layer has them; see `STATES`."""
    belief: Belief
    """Recall and false alarms with what the site taught."""
    elsewhere: dict[str, Any]
    """Layers of items that work and reviewers added."""

    @classmethod
    def of(cls, run: FinishedRun) -> "RoundKnown | None":
        """Read the round that is explained; None if it is the run itself.

        Raises:
            InputError: The round cannot be read, or an earlier version wrote it.
        """
        current = run.current
        if current.round is None:
            return None
        _, bands = read_hectares(current.risk)
        table = read_layer(current.layers, "detections").set_index("detection_id")
        try:
            parameters = dict(current.round.summary["belief"]["parameters"])
            belief = Belief(**parameters | {"alarms": tuple(parameters["alarms"])})
        except (KeyError, TypeError) as error:
            msg = f"{current.folder}: does not tell what the site taught ({error!r}); compute a new round"
            raise InputError(msg) from error
        return cls(
            current.round.folder.name,
            bands,
            table["state"].loc[list(run.detection_ids)].to_numpy(object),
            belief,
            {name: read_layer(current.layers, name) for name in ("items_found", "missed_items")},
        )

    def verdict(self) -> NDArray[np.int8]:
        """Return (N,) 1 where a sighting counts as an item, -1 where it does not count as a sighting, else 0."""
        out = np.isin(self.state, [STATES[REJECTED], STATES[REMOVED], STATES[STILL_THERE]]).astype(np.int8) * -1
        out[self.state == STATES[1]] = 1
        return out

    def taken(self, sightings: NDArray[np.intp]) -> int:
        """Return how many of some sightings were found on the ground: they count as items, and not as sightings."""
        return int(np.isin(self.state[sightings], [STATES[REMOVED], STATES[STILL_THERE]]).sum())

    def worked(self, run: FinishedRun, row: int, col: int) -> Section | None:
        """Return what work and people's finds did to a cell; None where there were none of both."""
        share = float(np.nan_to_num(self.bands["worked_fraction"][row, col]))
        counts: Counter[str] = Counter()
        for name, words in (("items_found", "removed"), ("missed_items", "found_on_the_ground")):
            table = self.elsewhere[name]
            own_row, own_col = run.grid.cells_of(table.geometry.x.to_numpy(), table.geometry.y.to_numpy())
            inside = (own_row == row) & (own_col == col)
            flag = table[words].to_numpy(bool)
            counts[name] += int(inside.sum())
            counts[words] += int((inside & flag).sum())
        seen = counts["missed_items"] - counts["found_on_the_ground"]
        if not share and not counts["items_found"] and not seen:
            return None
        lines = [f"{100 * share:.3g} % of the cell was worked on"]
        lines.append(f"items found on the ground: {counts['items_found']}, of them removed {counts['removed']}")
        if seen:
            lines.append(f"items that reviewers saw and the search did not: {seen}")
        lines.append("what this made of the risk is not told in steps: the risk below has it, and what remains")
        numbers = {"worked_fraction": share, **counts, "seen_by_review": seen}
        return Section("Work on the ground, and items known otherwise", tuple(lines), numbers)
