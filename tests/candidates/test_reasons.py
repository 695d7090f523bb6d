"""Sightings that nobody judged: what they stand for together, and why a rule proposes nothing."""

import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from survey.candidates import CandidatesConfig, propose
from survey.candidates.clusters import among_sightings, together
from survey.candidates.inputs import Inputs, read_inputs
from survey.candidates.polygons import CHA, SHA
from survey.config import load_config
from survey.errors import ConfigError
from survey.evidence import VERDICTS
from tests.candidates.site import at, evidence, finished_run

RULE = load_config(CandidatesConfig)


def changed(by: float, *, row: int = 0, col: int = 0) -> dict[str, np.ndarray]:
    """Return a band that says how many items the sightings of a hectare add."""
    change = np.zeros((3, 3))
    change[row, col] = by
    return {"detection_change": change}


def inputs_of(run: Path) -> Inputs:
    return read_inputs(run, evidence=None, patterns=None, review=None, row_items_per_ha=0.5)


def test_what_sightings_add_to_a_hectare_is_shared_out_by_their_odds(tmp_path: Path) -> None:
    p = [0.2, 0.4, 0.9, 0.6, 0.3]
    places = [at(10, 10), at(20, 10), at(90, 90), at(50, 50), at(150, 10)]
    verdict = ["", "", "", "confirmed", ""]
    run = finished_run(tmp_path / "run", places=places, probability=p, verdict=verdict, risk=changed(1.8))
    each = among_sightings(inputs_of(run))
    assert each[:3].sum() == pytest.approx(0.8)  # one of the 1.8 is the confirmed item
    assert each[3] == each[4] == 0  # the other hectare's sighting adds nothing
    odds = np.array(p[:3]) / (1 - np.array(p[:3]))
    factor = each[:3] / (1 - each[:3]) / odds
    assert factor == pytest.approx(np.full(3, factor[0]))


def test_no_sighting_stands_for_more_than_one_item_and_none_for_less_than_nothing(tmp_path: Path) -> None:
    places = [at(10, 10), at(20, 10)]
    more = finished_run(tmp_path / "a", places=places, probability=[0.2, 0.4], risk=changed(7))
    less = finished_run(tmp_path / "b", places=places, probability=[0.2, 0.4], risk=changed(-0.3))
    assert among_sightings(inputs_of(more)) == pytest.approx([1, 1])
    assert among_sightings(inputs_of(less)).tolist() == [0, 0]


def test_what_stands_together_is_what_lies_within_the_radius(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    places = [at(*xy) for xy in rng.uniform(1, 99, (40, 2))]
    p = rng.uniform(0.05, 0.6, 40).tolist()
    inputs = inputs_of(finished_run(tmp_path / "run", places=places, probability=p, risk=changed(3.0)))
    near = shapely.distance(shapely.points(inputs.place)[:, None], shapely.points(inputs.place)) <= 25
    found = together(inputs, 25)
    assert found.sightings.tolist() == near.sum(axis=1).tolist()
    assert found.items == pytest.approx(near @ among_sightings(inputs))


def test_sightings_that_stand_together_make_an_sha_where_the_run_believes_in_them(tmp_path: Path) -> None:
    """Three weak ones that add an item are evidence; a hundred that add as much, of a model of many alarms, are not."""
    three = [at(50, 50), at(60, 50), at(55, 60)]
    run = finished_run(tmp_path / "few", places=three, probability=[0.3] * 3, risk=changed(0.9))
    found = propose(run, rule=RULE, out=tmp_path / "out")
    table = pyogrio.read_dataframe(tmp_path / "out" / "candidates.gpkg", layer="candidates")
    assert table["kind"].tolist() == [SHA]
    assert table.geometry[0].contains(shapely.MultiPoint(three))
    assert "3 unreviewed sightings within 25 m that stand for 0.9 expected items together" in table["basis"][0]
    assert found.report["looked_at"]["cluster"]["reached"] == 3
    many = [at(5 + 10 * (n % 10), 5 + 10 * (n // 10)) for n in range(100)]
    run = finished_run(tmp_path / "many", places=many, probability=[0.3] * 100, risk=changed(0.9))
    report = propose(run, rule=RULE, out=tmp_path / "out").report
    assert report["kinds"][SHA]["proposals"] == 0
    assert 0 < report["looked_at"]["cluster"]["highest"] < 0.5
    asking = load_config(CandidatesConfig, overrides=["cluster_items=0.1"])
    assert propose(run, rule=asking, out=tmp_path / "out").report["kinds"][SHA]["proposals"] == 1


def test_a_cluster_counts_only_where_no_single_sighting_does(tmp_path: Path) -> None:
    places = [at(50, 50), at(60, 50)]
    run = finished_run(tmp_path / "run", places=places, probability=[0.9, 0.9], risk=changed(1.9))
    propose(run, rule=RULE, out=tmp_path / "out")
    table = pyogrio.read_dataframe(tmp_path / "out" / "candidates.gpkg", layer="candidates")
    assert table["indirect_weight"].tolist() == [0.5]


@pytest.mark.parametrize("kind", ["sighting", "cluster", "risk", "row"])
def test_what_nobody_judged_can_be_no_direct_evidence(kind: str) -> None:
    classes = dict.fromkeys(RULE.classes, "indirect") | {kind: "direct"}
    told = ", ".join(f"{name}: {ranked}" for name, ranked in classes.items())
    with pytest.raises(ConfigError, match=f"{kind}: what nobody judged is no direct evidence"):
        load_config(CandidatesConfig, overrides=[f"classes={{{told}}}"])


def test_a_rule_that_proposes_nothing_says_why_and_what_would_change_it(tmp_path: Path) -> None:
    high = np.full((3, 3), 0.2)
    high[0, 2] = 0.9  # not searched: its prior, which is no evidence and is not counted
    places = [at(50, 50), at(60, 50), at(150, 150)]
    run = finished_run(
        tmp_path / "run",
        places=places,
        probability=[0.2, 0.4, 0.45],
        verdict=["", "", "rejected"],
        risk={"p_at_least_one_ap": high} | changed(0.1),
    )
    found = propose(run, rule=RULE, out=tmp_path / "out")
    looked = found.report["looked_at"]
    assert looked["sighting"] == {"asked": 0.5, "reached": 0, "of": 2, "highest": pytest.approx(0.4)}
    assert looked["risk"]["ap"] == {"asked": 0.5, "reached": 0, "of": 6, "highest": pytest.approx(0.2)}
    assert looked["confirmed_item"] == {"items": 0, "rejected": 1}
    assert (looked["most_weight"], looked["layers"]) == (0, {})
    assert set(found.report["none_proposed"]) == {CHA, SHA}
    for line in (
        "why there is no candidate CHA:",
        "unreviewed sightings: 2; what a model saw and nobody judged is no direct evidence",
        "verdicts on 2 sightings: `survey review RUN`; a confirmed item is direct evidence, worth 1",
        "why there is no candidate SHA:",
        "unreviewed sightings that reach probability 0.5: 0 of 2 (the highest: 0.4)",
        "stand together for 0.5 expected items within 25 m: 0 (the highest: 0.1)",
        "P(at least one, ap) reaches 0.5: 0 of 6 (the highest: 0.2)",
        "all evidence is worth 0 at one place at most, 0.5 asked",
    ):
        assert line in found.text, line
    assert not VERDICTS.search(found.text)
    assert json.loads((tmp_path / "out" / "candidates.json").read_text())["looked_at"] == json.loads(json.dumps(looked))


def test_layers_that_do_not_reach_are_told_and_a_kind_with_proposals_needs_no_reason(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run", places=[at(150, 50)], probability=[0.9])
    rule = load_config(CandidatesConfig, overrides=["evidence_items_per_ha=5"])
    found = propose(run, rule=rule, out=tmp_path / "out", evidence=evidence(tmp_path / "e"))
    assert set(found.report["none_proposed"]) == {CHA}
    assert "hectares where 'old-maps' (direct, worth 0.5) adds 5 items: 0 of 9 (the highest: 3.2)" in found.text
    assert found.report["looked_at"]["layers"]["old-maps"]["reached"] == 0
    assert "layers of direct evidence, such as accidents" not in found.text
    both = finished_run(tmp_path / "b", places=[at(150, 50)], probability=[0.2], verdict=["confirmed"])
    found = propose(both, rule=RULE, out=tmp_path / "out")
    assert found.report["none_proposed"][SHA]["why"] == [
        "all ground whose evidence is worth 0.5 is in the proposals of candidate CHA"
    ]


def test_a_rule_that_does_not_fit_together_is_named_with_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    told = ", ".join(f"{kind}: {'indirect' if kind != 'sighting' else 'direct'}" for kind in RULE.classes)
    path.write_text(f"version: 1\nclasses: {{{told}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(CandidatesConfig, path)
    assert str(caught.value).startswith(f"{path}:2:10: classes: sighting: what nobody judged is no direct evidence")
