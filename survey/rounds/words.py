"""Rounds in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from survey.rounds.write import LIMITS


def round_in_words(summary: Mapping[str, Any]) -> str:
    """Return what a round says, a line a fact."""
    change, told = summary["change"], summary["sightings_and_finds"]
    since = "the run" if change["since"] == "run" else f"round {change['since']}"
    items = (
        f"  expected items {summary['expected_items']:.1f}, found and removed {summary['found_and_removed']}, "
        f"remaining {summary['remaining_items']:.1f} "
        f"({change['remaining_items']:+.1f} since {since}, in {change['hectares']} hectares)"
    )
    sightings = (
        f"  sightings: {told['confirmed']} confirmed, {told['rejected']} rejected, {told['finds_sighted']} found on "
        f"the ground, {told['not_found_by_work']} not found by work"
    )
    finds = (
        f"  items found: {told['finds']}, {told['finds_still_there']} of them still there, "
        f"{told['finds_not_sighted']} not sighted though the flight searched there"
    )
    lines = [
        f"round {summary['round']:03}: {summary['hectares']} hectares, {summary['worked_ha']:.1f} ha of them worked on",
        items,
        f"  highest P(at least one remaining) {summary['highest_p_remaining'] or 0:.3f}",
        sightings,
        finds,
    ]
    if told["confirmed_yet_not_found"]:
        lines.append(
            f"  {told['confirmed_yet_not_found']} sightings that reviewers confirmed were not found by work: they stay "
            "certain until a reviewer rejects them"
        )
    if told["rejected_yet_found"]:
        lines.append(f"  {told['rejected_yet_found']} sightings that reviewers rejected were found on the ground")
    if summary["worked_outside_the_run_ha"] > 0.005:
        lines.append(f"  {summary['worked_outside_the_run_ha']:.2f} ha of worked areas lie outside the run's hectares")
    lines += [f"  {note}" for note in summary["notes"]]
    return "\n".join([*lines, LIMITS])


def history_in_words(rounds: Sequence[tuple[Mapping[str, Any], Mapping[str, str], bool]]) -> str:
    """Return a table of rounds: summary, inputs, whether they are of the run's present products."""
    if not rounds:
        return "no rounds yet: `survey risk RUN --results FILE` computes one"
    names = ("hectares", "worked ha", "expected", "removed", "remaining", "change")
    lines = ["round  " + "".join(f"{name:>11}" for name in names) + "  inputs"]
    for summary, inputs, present in rounds:
        used = [f"{name} {sha[:8]}" for name, sha in sorted(inputs.items()) if ": " in name and sha]
        values = (
            f"{summary['hectares']}",
            f"{summary['worked_ha']:.1f}",
            f"{summary['expected_items']:.1f}",
            f"{summary['found_and_removed']}",
            f"{summary['remaining_items']:.1f}",
            f"{summary['change']['remaining_items']:+.1f}",
        )
        of = "" if present else "  (of earlier products of the run)"
        line = f"{summary['round']:03}    " + "".join(f"{value:>11}" for value in values)
        lines.append(f"{line}  {'; '.join(used)}{of}")
    return "\n".join(lines)
