"""`survey calibrate-risk`: simulate worlds, infer, score, and say where the risk cannot be relied on."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from survey.risk import infer
from survey.worlds.compare import maps, reliability, score, scored
from survey.worlds.ranks import AIM, BINS, LEVEL, STRETCH, coverage, power
from survey.worlds.work import WORK_WORLDS, WorkWorld, score_work
from survey.worlds.world import WORLDS, World, simulate
from survey.worlds.written import Calibration, write_calibration


def calibrate_risk(
    out: Path,
    *,
    hectares: int = 20_000,
    seed: int = 1,
    worlds: Sequence[World] = WORLDS,
    work_worlds: Sequence[WorkWorld] = WORK_WORLDS,
    threads: int = 1,
) -> Calibration:
    """Score the posterior on simulated campaigns and write calibration.json, calibration.txt and calibration.png.

    Args:
        out: Folder to write into.
        hectares: Hectares of each world.
        seed: Decides everything drawn.
        worlds: Worlds to simulate.
        work_worlds: Worlds in which people work on the ground after the flight.
        threads: Threads of the inference; they do not change the result.
    """
    report: dict[str, Any] = {
        "hectares": hectares,
        "seed": seed,
        "rank_test": {"bins": BINS, "level": LEVEL, "alternative_sd_factor": STRETCH, "power": power(hectares)},
        "worlds": {
            world.name: score_world(world, hectares=hectares, seed=[seed, number], threads=threads)
            for number, world in enumerate(worlds)
        },
        "work": {
            world.name: score_work(world, hectares=hectares, seed=[seed, 100 + number], threads=threads)
            for number, world in enumerate(work_worlds)
        },
    }
    return write_calibration(out, "calibration", report=report, text=in_words(report), plot=_plot)


def score_world(world: World, *, hectares: int, seed: Sequence[int], threads: int = 1) -> dict[str, Any]:
    """Return everything measured on one world as plain numbers."""
    rng = np.random.default_rng(seed)
    found = simulate(world, hectares=hectares, rng=rng)
    truth = np.column_stack([found.items.sum(axis=1), found.items])
    told = infer(found.evidence, prior=found.prior, belief=world.belief, threads=threads, counts=truth)
    assert told.at_most is not None
    assert told.below is not None
    low, high = (
        np.column_stack([getattr(told.total, quantile), getattr(told.groups, quantile)]) for quantile in ("q05", "q95")
    )
    by_name = coverage(told.below, told.at_most, truth=truth, interval=(low, high), rng=rng)
    chosen = scored(found)
    present = truth[chosen, 0] > 0
    methods = maps(found, posterior=told.total.p_at_least_one, expected=told.total.expected_items)
    total = by_name["total"]
    return {
        "world": asdict(world),
        "drawn_as_assumed": world.as_assumed,
        "items": int(truth[:, 0].sum()),
        "hectares": len(truth),
        "expected_items": float(told.total.expected_items.sum()),
        "calibration": by_name,
        "holds": bool(total["ranks"]["p_value"] >= LEVEL and abs(total["coverage_90"] - 0.9) <= AIM),
        "scores": score(found, methods, rng=rng),
        "reliability": {name: reliability(p, present) for name, (p, _) in methods.items()},
    }


def in_words(report: Mapping[str, Any]) -> str:
    """Return the tables that the command line prints."""
    test = report["rank_test"]
    alternative = f"a standard deviation {test['alternative_sd_factor']:g} times too small"
    head = (
        f"{report['hectares']} hectares a world, seed {report['seed']}. Ranks: chi-square in {test['bins']} bins at "
        f"{test['level']:g}; it notices {alternative} with probability {test['power']:.3f}."
    )
    columns = f"{'world':<32}{'items':>8}{'expected':>10}{'rank p':>10}{'90 % covers':>13}{'q05..q95':>10}   verdict"
    lines = [head, "", columns]
    for name, world in {**report["worlds"], **report["work"]}.items():
        total = world["calibration"]["total"]
        verdict = "holds" if world["holds"] else "BREAKS: do not rely on the intervals here"
        lines.append(
            f"{name:<32}{world['items']:>8}{world['expected_items']:>10.0f}{total['ranks']['p_value']:>10.2g}"
            f"{total['coverage_90']:>13.3f}{total['coverage_q05_q95']:>10.3f}   {verdict}"
        )
    lines += [
        "",
        "90 % covers: share of ranks in 5..95 %, ties broken at random; the whole-number interval covers more.",
        "Of rounds of work, items and intervals are of what remains.",
    ]
    keys = list(next(iter(report["worlds"].values()))["scores"]["posterior"])
    lines += [
        "",
        f"{'second half of the campaigns':<32}{'map':<16}" + "".join(f"{key:>25}" for key in keys) + "    ECE",
    ]
    for name, world in report["worlds"].items():
        for method, scores in world["scores"].items():
            cells = "".join(f"{s['value']:>10.3f} ({s['low']:.3f}..{s['high']:.3f})".rjust(25) for s in scores.values())
            lines.append(f"{name:<32}{method:<16}{cells}{world['reliability'][method]['ece']:>7.3f}")
    return "\n".join(lines)


def _plot(report: Mapping[str, Any]) -> bytes:
    """Return rank histograms and reliability curves, a column a world, as PNG."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - an optional extra

    worlds = report["worlds"]
    figure = Figure(figsize=(3 * len(worlds), 6), layout="constrained")
    axes = figure.subplots(2, len(worlds), squeeze=False)
    for column, (name, world) in enumerate(worlds.items()):
        counts = np.array(world["calibration"]["total"]["ranks"]["counts"]) * BINS / world["hectares"]
        top, bottom = axes[:, column]
        top.bar((np.arange(BINS) + 0.5) / BINS, counts, 1 / BINS, color="#1f5fa8" if world["holds"] else "#b5332a")
        top.axhline(1, color="#777777", lw=0.8)
        top.set_title(name, fontsize=9)
        top.set_xlabel("rank of the true number")
        for method, told in world["reliability"].items():
            bins = told["bins"]
            bottom.plot([b["told"] for b in bins], [b["true"] / b["of"] for b in bins], marker=".", lw=1, label=method)
        bottom.plot([0, 1], [0, 1], color="#777777", lw=0.8, ls=":")
        bottom.set(xlabel="P(at least one) told", ylabel="share that is true", xlim=(0, 1), ylim=(0, 1))
    axes[1, 0].legend(fontsize=7)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()
