"""What a rule looked at, in numbers; and where it proposes nothing, why, and what would change that."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from survey.candidates.config import CandidatesConfig
from survey.candidates.criteria import Ground
from survey.candidates.inputs import Inputs
from survey.candidates.polygons import CHA, SHA
from survey.values import ORDNANCE_GROUPS

Told = dict[str, list[str]]


def looked_at(inputs: Inputs, ground: Ground, rule: CandidatesConfig) -> dict[str, Any]:
    """Return how much there was of each kind of evidence, the most of it, and what the rule asks."""
    waiting = ~inputs.confirmed
    p, near = inputs.probability[waiting], ground.together
    enough = near.enough(items=rule.cluster_items, sightings=rule.cluster_sightings)
    several = near.sightings >= rule.cluster_sightings
    return {
        "confirmed_item": {"items": int(inputs.confirmed.sum()), "rejected": inputs.rejected},
        "sighting": _told(rule.sighting_probability, int((p >= rule.sighting_probability).sum()), p, of=int(p.size)),
        "cluster": _told(rule.cluster_items, int(enough.sum()), near.items[several], of=int(several.sum())),
        "risk": {group: _risk(inputs, group, rule) for group in ORDNANCE_GROUPS},
        "row": {"asked": rule.row_items_per_ha, "area_m2": float(inputs.row_cells.area)},
        "layers": {layer.name: _layer(layer, rule) for layer in inputs.layers},
        "most_direct_weight": float(ground.direct.max(initial=0.0)),
        "most_weight": float(ground.total.max(initial=0.0)),
    }


def _told(asked: float | None, reached: int, values: Any, *, of: int) -> dict[str, Any]:
    """Return numbers of a kind: what the rule asks, how many reach it, of how many, and the highest value."""
    known = np.asarray(values)[np.isfinite(values)]
    return {"asked": asked, "reached": reached, "of": of, "highest": float(known.max()) if known.size else None}


def _risk(inputs: Inputs, group: str, rule: CandidatesConfig) -> dict[str, Any]:
    level = dict(rule.risk_levels).get(group)  # type: ignore[call-overload]
    p = inputs.risk[f"p_at_least_one_{group}"][inputs.risk["searched_fraction"] > 0]
    return _told(level, 0 if level is None else int((p >= level).sum()), p, of=int(p.size))


def _layer(layer: Any, rule: CandidatesConfig) -> dict[str, Any]:
    asked = layer.notable if rule.evidence_items_per_ha is None else rule.evidence_items_per_ha
    reached = int((layer.items_per_ha >= asked).sum())
    told = _told(asked, reached, layer.items_per_ha.ravel(), of=int(layer.items_per_ha.size))
    return {"kind": layer.kind, "class": "direct" if layer.direct else "indirect", **told}


def none_proposed(
    counts: Mapping[str, int], looked: Mapping[str, Any], *, rule: CandidatesConfig, given: Mapping[str, bool]
) -> dict[str, Told]:
    """Return for each kind without a proposal why there is none, and what would change that.

    Args:
        counts: Proposals by kind.
        looked: From `looked_at`.
        rule: What is asked.
        given: Whether evidence, patterns and a review were.
    """
    told = {}
    if not counts[CHA]:
        told[CHA] = {"why": _no_direct(looked, rule, given), "would_change": _to_direct(looked, rule, given)}
    if not counts[SHA]:
        told[SHA] = {"why": _too_little(looked, rule, given), "would_change": _to_more(looked, rule, given)}
    return told


def _no_direct(looked: Mapping[str, Any], rule: CandidatesConfig, given: Mapping[str, bool]) -> list[str]:
    items, waiting = looked["confirmed_item"], looked["sighting"]["of"]
    ranked, worth = rule.classes["confirmed_item"], rule.weight("confirmed_item")
    review = "" if given["review"] else "; no review was given"
    why = [f"items confirmed by review: {items['items']} ({ranked}, worth {worth:g} each place){review}"]
    if waiting:
        why.append(f"unreviewed sightings: {waiting}; what a model saw and nobody judged is no direct evidence")
    direct = {name: layer for name, layer in looked["layers"].items() if layer["class"] == "direct"}
    why += [_of_layer(name, layer, rule) for name, layer in direct.items()]
    if not direct:
        why.append(f"layers of direct evidence: {'none among those given' if given['evidence'] else 'none given'}")
    return [
        *why,
        f"direct evidence is worth {looked['most_direct_weight']:g} at most, {rule.cha_direct_weight:g} asked",
    ]


def _to_direct(looked: Mapping[str, Any], rule: CandidatesConfig, given: Mapping[str, bool]) -> list[str]:
    change = [*_review(looked, rule)] if rule.classes["confirmed_item"] == "direct" else []
    if not given["evidence"]:
        change.append("layers of direct evidence, such as accidents: `survey evidence`, then --evidence DIR")
    return [*change, "a rule that asks less (cha_direct_weight, weights, classes), if the national standard says so"]


def _too_little(looked: Mapping[str, Any], rule: CandidatesConfig, given: Mapping[str, bool]) -> list[str]:
    if looked["most_weight"] >= rule.sha_weight:
        return [f"all ground whose evidence is worth {rule.sha_weight:g} is in the proposals of {CHA}"]
    sighting, cluster = looked["sighting"], looked["cluster"]
    asked = f"probability {rule.sighting_probability:g}"
    why = [f"unreviewed sightings that reach {asked}: {sighting['reached']} of {sighting['of']}{_highest(sighting)}"]
    if sighting["of"]:
        asked = f"{rule.cluster_items:g} expected items within {rule.cluster_m:g} m"
        by = ", by what the run believes of its recall and false alarms"
        why.append(f"unreviewed sightings that stand together for {asked}: {cluster['reached']}{_highest(cluster)}{by}")
    for group, risk in looked["risk"].items():
        if risk["asked"] is not None:
            what = f"searched hectares whose P(at least one, {group}) reaches {risk['asked']:g}"
            why.append(f"{what}: {risk['reached']} of {risk['of']}{_highest(risk)}")
    why += [_of_layer(name, layer, rule) for name, layer in looked["layers"].items()]
    if not given["evidence"]:
        why.append("layers of evidence: none given")
    rows = f"{looked['row']['area_m2']:.0f} m² reach {rule.row_items_per_ha:g} items per hectare"
    why.append(f"laid rows: {rows if given['patterns'] else 'none given'}")
    return [*why, f"all evidence is worth {looked['most_weight']:g} at one place at most, {rule.sha_weight:g} asked"]


def _to_more(looked: Mapping[str, Any], rule: CandidatesConfig, given: Mapping[str, bool]) -> list[str]:
    change = [*_review(looked, rule)]
    if not given["evidence"]:
        change.append(
            "layers of evidence, such as records, accidents, trenches: `survey evidence`, then --evidence DIR"
        )
    if not given["patterns"]:
        change.append("laid rows: `survey patterns RUN`, then --patterns DIR")
    keys = "sighting_probability, cluster_items, risk_levels, weights, sha_weight"
    return [*change, f"a rule that asks less ({keys}), if the national standard says so"]


def _review(looked: Mapping[str, Any], rule: CandidatesConfig) -> list[str]:
    waiting = looked["sighting"]["of"]
    if not waiting:
        return []
    worth = f"a confirmed item is {rule.classes['confirmed_item']} evidence, worth {rule.weight('confirmed_item'):g}"
    return [f"verdicts on {waiting} sightings: `survey review RUN`; {worth}"]


def _of_layer(name: str, layer: Mapping[str, Any], rule: CandidatesConfig) -> str:
    worth = f"{layer['class']}, worth {rule.weight(layer['kind']):g}"
    what = f"hectares where '{name}' ({worth}) adds {layer['asked']:g} items"
    return f"{what}: {layer['reached']} of {layer['of']}{_highest(layer)}"


def _highest(told: Mapping[str, Any]) -> str:
    return "" if told["highest"] is None else f" (the highest: {told['highest']:.2g})"
