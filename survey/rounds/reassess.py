"""The posterior with what became known since the flight."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from survey.evidence.groups import GROUPS
from survey.risk import (
    UNIDENTIFIED,
    Belief,
    Remaining,
    Work,
    infer,
    infer_worked,
)
from survey.risk.assess import effective_search, posterior_bands, share_of, sight_bands
from survey.rounds.ground import Pieces
from survey.rounds.known import NOT_FOUND, Items, Known
from survey.rounds.matching import REACH_SIGMAS, still_unknown
from survey.rounds.teaching import taught_belief
from survey.values import GROUP_BANDS, Risk

Array = NDArray[np.float64]
Intp = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Reassessed:
    """Risk of a round. Arrays have the grid's shape."""

    risk: Risk
    """Of all items that there were when the ground was flown, those removed since among them."""
    remaining: dict[str, NDArray[np.float32]]
    """Bands of `BANDS`: what remains, and what was found and removed."""
    state: Intp
    """(N,) place in `STATES` of each sighting's item."""
    find_item: Intp
    """(F,) item number of the sighting that each find is; -1 for none."""
    belief: Belief
    facts: dict[str, int] = field(default_factory=dict)
    """Counts for the summary."""


def reassess(known: Known) -> Reassessed:
    """Compute the posterior of a run again, with all that is known."""
    basis, results = known.basis, known.results
    grid, items, pieces = basis.searched.grid, Items.of(known), known.ground.pieces()
    cells = grid.rows * grid.cols
    work = _work(known, pieces, find=items.find, at=items.at[items.kept])
    evidence = items.evidence(basis)
    rejected = items.mark[(items.verdict < 0) & ~items.taken]
    alarms = np.bincount(rejected, minlength=UNIDENTIFIED + 1).astype(np.float64)
    belief, taught = taught_belief(
        basis, known.verdicts, alarms=alarms, work=work, evidence=evidence, prior=known.prior
    )
    left = infer_worked(work, evidence, prior=known.prior, belief=belief, taught=taught)
    removed = _by_cell(work.find_cell[work.find_removed], work.find_mark[work.find_removed], cells)
    sure = items.taken | (items.kept & (items.verdict > 0))
    count, certain = (np.bincount(items.cell[w], minlength=cells) for w in (items.kept | items.taken, sure))
    bands = posterior_bands(infer(evidence, prior=known.prior, belief=belief)) | {
        "searched_fraction": evidence.searched_ha,
        "detections": count.astype(np.float64),
        "confirmed": certain.astype(np.float64),
        "effective_search": effective_search(evidence, belief),
        **sight_bands(basis.searched),
        "disturbance_fraction": share_of(basis.searched.disturbed.ravel(), evidence.searched_ha),
    }
    remaining = _remaining(bands, left, removed)
    remaining["worked_fraction"] = np.minimum(np.bincount(pieces.cell, pieces.area_ha, minlength=cells), 1.0)
    _there_were(bands, left, removed)
    nobody = (basis.searched.flown.ravel() == 0) & (count == 0)
    nobody[work.cells] = False
    shaped, more = (
        {n: np.where(nobody, np.nan, v).astype(np.float32).reshape(grid.shape) for n, v in part.items()}
        for part in (bands, remaining)
    )
    names, state = np.unique(basis.items), items.state(results.removed)
    return Reassessed(
        Risk(grid, **shaped),
        more,
        state[np.searchsorted(names, basis.items)].astype(np.intp),
        np.array([names[n] if n >= 0 else -1 for n in items.find], np.intp),
        belief,
        _facts(items, state, work, removed=results.removed),
    )


def _facts(items: Items, state: Intp, work: Work, *, removed: NDArray[np.bool_]) -> dict[str, int]:
    """Return the counts for the summary; items that only reviewers know of come last among the finds of the work."""
    finds, verdict, taken = len(items.find), items.verdict, items.taken
    return {
        "confirmed": int((verdict > 0).sum()),
        "rejected": int((verdict < 0).sum()),
        "rejected_yet_found": int((taken & (verdict < 0)).sum()),
        "confirmed_yet_not_found": int((~taken & (verdict > 0) & (items.at > 0)).sum()),
        "not_found_by_work": int((state == NOT_FOUND).sum()),
        "known_not_sighted": len(work.find_cell) - finds,
        "finds": finds,
        "finds_still_there": int((~removed).sum()),
        "finds_sighted": int((items.find >= 0).sum()),
        "finds_not_sighted": int((work.find_seen[:finds] == 0).sum()),
        "finds_off_worked_ground": int((work.find_kind[:finds] == 0).sum()),
    }


def _work(known: Known, pieces: Pieces, *, find: Intp, at: Intp) -> Work:
    """Return work and finds; items that only reviewers know of come last among the finds."""
    grid, results, verdicts, ground = known.basis.searched.grid, known.results, known.verdicts, known.ground
    kind = ground.kinds_at(results.x, results.y, within_m=REACH_SIGMAS * results.position_error_m)
    seen = np.where(find >= 0, 1, np.where(ground.searched_at(results.x, results.y), 0, -1))
    xy = verdicts.known_xy
    row, col = grid.cells_of(xy[:, 0], xy[:, 1])
    more = still_unknown(verdicts, results) & (row >= 0) & (row < grid.rows) & (col >= 0) & (col < grid.cols)
    found_row, found_col = grid.cells_of(results.x, results.y)
    cell = np.append(found_row * grid.cols + found_col, (row * grid.cols + col)[more])
    mark = np.append(np.where(results.group < 0, UNIDENTIFIED, results.group), verdicts.known_mark[more])
    unknown = mark == UNIDENTIFIED
    mark[unknown] = np.argmax(known.prior.mean_ha[cell[unknown]], axis=1)
    none = np.zeros(int(more.sum()), np.intp)
    return Work(
        ground.kinds.left(results),
        cell=pieces.cell,
        kind=pieces.kind,
        area_ha=pieces.area_ha,
        searched_ha=np.minimum(pieces.searched_ha, pieces.area_ha),
        at=at,
        find_cell=cell,
        find_mark=mark,
        find_kind=np.append(kind, none),
        find_seen=np.append(seen, none - 1).astype(np.int8),
        find_removed=np.append(results.removed, none > 0),
    )


def _by_cell(cell: Intp, mark: Intp, cells: int) -> Array:
    """Return (cells, 1 + groups) counts, in total and by group."""
    out = np.zeros((cells, 1 + len(GROUPS)))
    np.add.at(out, (cell, 1 + mark), 1)
    out[:, 0] = out[:, 1:].sum(axis=1)
    return out


def _remaining(bands: dict[str, Array], left: Remaining, removed: Array) -> dict[str, Array]:
    """Return what remains in every cell, and what was removed."""
    out = {}
    for place, suffix in enumerate(("", *(f"_{g}" for g in GROUPS))):
        for name, band in (
            ("remaining_items", "expected_items"),
            ("p_remaining", "p_at_least_one"),
            ("remaining_q05", "q05"),
            ("remaining_q95", "q95"),
        ):
            values = np.array(bands[band + suffix], np.float64)
            values[left.cell] = getattr(left.posterior, band)[:, place]
            out[name + suffix] = values
        out["found_and_removed" + suffix] = removed[:, place].copy()
    return out


def _there_were(bands: dict[str, Array], left: Remaining, removed: Array) -> None:
    """Make the bands of worked cells those of all items that there were: what remains and what was removed."""
    at = left.cell
    before = bands["expected_items"][at] - bands["detection_change"][at]
    for place, suffix in enumerate(("", *(f"_{g}" for g in GROUPS))):
        gone = removed[at, place]
        for name in GROUP_BANDS:
            values = np.array(bands[name + suffix], np.float64)
            told = getattr(left.posterior, name)[:, place]
            if name == "p_at_least_one":
                told = np.where(gone > 0, 1.0, told)
            elif name != "p_unseen":
                told = told + gone
            values[at] = told
            bands[name + suffix] = values
    change = np.array(bands["detection_change"], np.float64)
    change[at] = bands["expected_items"][at] - before
    bands["detection_change"] = change
