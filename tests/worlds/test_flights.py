"""Whole flights: the truth is that of the prior, layers are read as they were written, scores do what they promise."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import shapely

from survey.calibration import CurveKind
from survey.config import RunConfig
from survey.detect.model import find_model, load_card
from survey.engine import RunIdentity, RunPlan, open_run
from survey.errors import ConfigError, ResumeError
from survey.evidence import VERDICTS
from survey.files import sha256_of
from survey.implant import Tally
from survey.pipeline.implants import performance_here
from survey.resources import models_folder
from survey.risk import ratio_of
from survey.simulate import CRS, ORIGIN
from survey.values import HectareGrid, Performance
from survey.worlds import FlightSettings, Flown, calibrate_flights, flight_run, fly
from survey.worlds import flights as making
from survey.worlds.believed import LAID_OVER, RELEASED, Believed, cards_of, posterior
from survey.worlds.flight_report import in_words
from survey.worlds.flight_run import layers_differ
from survey.worlds.flight_scores import baselines, calibration_of, compare_flights
from survey.worlds.flown import COUNTED
from survey.worlds.measured import measure
from survey.worlds.ordnance import draw

SETTINGS = FlightSettings()
GRID = HectareGrid.covering(crs=CRS, bounds=(ORIGIN[0], ORIGIN[1] - 250, ORIGIN[0] + 250, ORIGIN[1]))
CLASSES = ("ap_mine", "at_mine", "submunition", "projectile", "other_uxo", "anomaly")
OF_GROUP = np.array(["ap_mine", "at_mine", "submunition", "projectile"])
RECALL, ALARMS = 0.6, 4.0
LAID, RECALL_LAID = 120, 0.8
"""Laid items are found more often: they are no real ones, and only the ratio counts."""


def drawn(
    *,
    cells: int = 6,
    rng: np.random.Generator,
    shares: Sequence[float] = SETTINGS.prior_shares,
    hides: float = 1.0,
) -> Flown:
    """What a detector without surprises would say of a flight whose truth is drawn from the prior.

    Of its own items and of laid ones it finds `hides` times as many as on the ground of a card.
    """
    prior = SETTINGS.prior.over(cells)
    truth = rng.poisson(rng.gamma(prior.shape) / prior.rate_ha)
    searched = rng.uniform(0, 1, cells)
    cell, group = (np.repeat(part, truth[np.nonzero(truth)]) for part in np.nonzero(truth))
    on = rng.random(len(cell)) < searched[cell]
    seen = on & (rng.random(len(cell)) < hides * RECALL)
    false = np.repeat(np.arange(cells), rng.poisson(ALARMS * searched))
    logit = np.concatenate([rng.normal(2, 1, seen.sum()), rng.normal(0, 1, len(false))])
    false_name = rng.choice(OF_GROUP, len(false), p=shares)
    centre = np.column_stack([100.0 * np.arange(cells), np.zeros(cells)])
    at = np.concatenate([cell[seen], false]).astype(np.intp)
    return Flown(
        truth=truth.astype(np.intp),
        searched=searched,
        visible=np.ones(cells),
        centre=centre,
        told=np.zeros(cells),
        cell=at,
        score=1 / (1 + np.exp(-logit)),
        class_name=np.concatenate([OF_GROUP[group[seen]], false_name]).astype(np.str_),
        place=centre[at] + rng.uniform(-50, 50, (len(at), 2)),
        true=np.arange(len(at)) < seen.sum(),
        on_ground=int(on.sum()),
        searched_ha=float(searched.sum()),
        flagged=False,
        model="m@1",
        implants=Tally(LAID, int(rng.binomial(LAID, hides * RECALL_LAID)), 3),
    )


@pytest.fixture(scope="module")
def flights() -> tuple[list[Flown], list[Flown]]:
    rng = np.random.default_rng(2)
    return [drawn(rng=rng) for _ in range(60)], [drawn(rng=rng) for _ in range(300)]


def test_numbers_are_drawn_from_the_prior_and_kept_when_items_are_moved() -> None:
    rng = np.random.default_rng(0)
    totals = np.concatenate([draw(SETTINGS.prior, GRID, rng=rng).counts.sum(axis=1) for _ in range(600)])
    mean, shape = SETTINGS.prior_items_per_ha, SETTINGS.prior_shape
    sd = np.sqrt(mean + mean**2 / shape)
    assert totals.mean() == pytest.approx(mean, abs=5 * sd / np.sqrt(len(totals)))
    none = (1 + mean / shape) ** -shape
    assert (totals == 0).mean() == pytest.approx(none, abs=5 * np.sqrt(none / len(totals)))
    laid = draw(replace(SETTINGS, prior_items_per_ha=60.0).prior, GRID, rng=rng)
    outline = shapely.box(0, 0, 150, 120)
    taken = [(y, x, 8.0) for y in range(0, 120, 20) for x in range(0, 150, 20)]
    placed = laid.on(outline, taken)
    assert all(outline.contains(shapely.Point(item.x, item.y)) for item in placed)
    near = [min(np.hypot(item.y - y, item.x - x) - r for y, x, r in taken) for item in placed]
    assert min(near) > 0
    row, col = GRID.cells_of(*np.array([[ORIGIN[0] + i.x, ORIGIN[1] - i.y] for i in placed]).T)
    there = np.bincount(row * GRID.cols + col, minlength=len(laid.counts))
    assert (there <= laid.counts.sum(axis=1)).all()
    assert len(laid.on(shapely.box(-500, -500, 900, 900), taken)) == laid.counts.sum(), "none is lost"


def test_the_card_of_other_flights_is_what_they_show(flights: tuple[list[Flown], list[Flown]]) -> None:
    card, curve = measure(flights[0], classes=CLASSES, max_gsd_m=0.02)
    assert card.recall_interval[0] < RECALL < card.recall_interval[1]
    assert card.false_alarms_interval[0] < ALARMS < card.false_alarms_interval[1]
    assert (card.found, card.items) == (sum(f.true.sum() for f in flights[0]), sum(f.on_ground for f in flights[0]))
    told = curve.probability(np.array([-1.0, 3.0]))
    assert told[0] < 0.3
    assert told[1] > 0.7


def test_a_right_card_covers_and_a_wrong_one_is_told(flights: tuple[list[Flown], list[Flown]]) -> None:
    first, rest = flights
    card, curve = measure(first, classes=CLASSES, max_gsd_m=0.02)
    right = posterior(rest, card, settings=SETTINGS, classes=CLASSES, calibration=curve)
    rng = np.random.default_rng(1)
    total = calibration_of(right, rest, rng=rng)["total"]
    assert total["interval_exact"][0] - 0.01 < 0.9 < total["interval_exact"][1] + 0.01
    assert total["rank_p"] > 1e-3
    assert total["inside"] == round(total["coverage_90"] * 1800)
    draws = [calibration_of(right, rest, rng=np.random.default_rng(n))["total"]["inside"] for n in range(2, 22)]
    assert np.std(draws) > 1
    assert total["inside_over_ties"] == pytest.approx(np.mean(draws), abs=4 * np.std(draws) / np.sqrt(len(draws)))
    wrong = Performance(0.05, (0.02, 0.1), 0.5, (0.4, 0.6), 0.2, 0.02, 100, 5, 50, 100.0)
    flat = curve.model_copy(update={"kind": CurveKind.CONSTANT, "parameters": (0.0,), "classes": {}})
    told = posterior(rest, wrong, settings=SETTINGS, classes=CLASSES, calibration=flat)
    broken = calibration_of(told, rest, rng=rng)["total"]
    assert broken["rank_p"] < 1e-6
    assert broken["interval_exact"][1] < 0.9


def test_false_alarms_of_one_class_break_what_a_card_says_and_not_what_was_counted() -> None:
    """A detector whose false alarms all look like one group: divided as items are, they are taken for items of it."""
    rng = np.random.default_rng(4)
    first, rest = ([drawn(rng=rng, shares=(1, 0, 0, 0)) for _ in range(count)] for count in (60, 200))
    card, curve = measure(first, classes=CLASSES, max_gsd_m=0.02)
    flat = curve.model_copy(update={"kind": CurveKind.CONSTANT, "parameters": (0.0,), "classes": {}})
    card = replace(card, prevalence=0.5, own_curves=())  # of which the flat curve makes scores that tell nothing
    assert card.false_alarms_by_class is not None
    assert card.false_alarms_by_class["ap_mine"] == card.false_alarms
    uncounted = replace(card, false_alarms_by_class=None, found_by_class=None)
    said = {}
    for name, own in (("as items", uncounted), ("counted", card)):
        told = posterior(rest, own, settings=SETTINGS, classes=CLASSES, calibration=flat)
        said[name] = calibration_of(told, rest, rng=rng)["ap"]
    assert said["as items"]["expected_items"] > 1.3 * said["as items"]["items"]
    assert said["counted"]["expected_items"] == pytest.approx(said["counted"]["items"], rel=0.15)
    assert said["as items"]["rank_p"] < 1e-3 < said["counted"]["rank_p"]


def test_the_posterior_beats_simpler_maps_where_all_is_as_assumed(flights: tuple[list[Flown], list[Flown]]) -> None:
    first, rest = flights
    card, curve = measure(first, classes=CLASSES, max_gsd_m=0.02)
    told = posterior(rest, card, settings=SETTINGS, classes=CLASSES, calibration=curve).total
    maps = {"posterior": (told.p_at_least_one, told.expected_items), **baselines(first, rest)}
    maps["nothing"] = (np.full(1800, 0.5), np.zeros(1800))
    scores = compare_flights(maps, rest, base="posterior", rng=np.random.default_rng(3))
    for name in ("raw count", "kernel density", "distance only", "nothing"):
        assert scores[name]["brier"]["less_base"]["low"] > 0, name
        assert scores[name]["log_score"]["less_base"]["low"] > 0, name
        assert scores[name]["recall_at_25%"]["less_base"]["high"] < 0, name
    assert scores["nothing"]["recall_at_10%"]["value"] == pytest.approx(0.1)
    assert scores["nothing"]["brier"]["value"] == pytest.approx(0.25)
    assert scores["posterior"]["reliability"]["ece"] < 0.05


def test_laid_items_carry_a_card_to_ground_that_hides_more() -> None:
    """Ground that hides two of three items that the card's ground shows: the plain card breaks, carried it covers."""
    rng = np.random.default_rng(7)
    first, rest = [drawn(rng=rng) for _ in range(60)], [drawn(rng=rng, hides=1 / 3) for _ in range(250)]
    card, curve = measure(first, classes=CLASSES, max_gsd_m=0.02)
    assert card.implants_laid_reference == 60 * LAID
    assert card.implants_found_reference == sum(f.implants.found for f in first)
    said, claimed = {}, {}
    for carried in (False, True):
        own = Believed(card, curve, carried=carried)
        told = own.posterior(rest, settings=SETTINGS, classes=CLASSES)
        said[carried] = calibration_of(told, rest, rng=np.random.default_rng(1))["total"]
        claimed[carried] = own.claims(rest)
    found = sum(f.true.sum() for f in rest) / sum(f.on_ground for f in rest)
    assert claimed[True]["share"] == pytest.approx(found, abs=0.03)
    assert claimed[False]["share"] == pytest.approx(3 * found, rel=0.15)
    assert len(set(claimed[True]["recall_by_flight"])) > 10, "each flight's own"
    assert said[False]["expected_items"] < 0.85 * said[False]["items"]
    assert said[True]["expected_items"] == pytest.approx(said[True]["items"], rel=0.1)
    assert said[False]["interval_exact"][1] < said[True]["interval_exact"][0]
    assert said[True]["coverage_90"] > 0.88
    assert said[False]["rank_p"] < 1e-6 < said[True]["rank_p"]


def test_flight_by_flight_is_as_all_at_once_where_nothing_was_laid(flights: tuple[list[Flown], list[Flown]]) -> None:
    card, curve = measure(flights[0], classes=CLASSES, max_gsd_m=0.02)
    bare = [replace(f, implants=Tally()) for f in flights[1][:20]]
    whole, each = (
        Believed(card, curve, carried=carried).posterior(bare, settings=SETTINGS, classes=CLASSES)
        for carried in (False, True)
    )
    for name in ("at_most", "below", "prior_expected", "searched_expected", "prior_p", "searched_p"):
        assert getattr(each, name) == pytest.approx(getattr(whole, name), abs=1e-9)
    assert each.total.q95.tolist() == whole.total.q95.tolist()
    assert each.groups.p_at_least_one == pytest.approx(whole.groups.p_at_least_one, abs=1e-9)


def test_the_released_card_is_carried_from_its_own_count_as_a_run_does(
    flights: tuple[list[Flown], list[Flown]],
) -> None:
    measured, curve = measure(flights[0], classes=CLASSES, max_gsd_m=0.02)
    card = load_card(find_model("default", models=models_folder()))
    assert card.implants is not None
    cards, flown = cards_of(card, measured, curve), flights[1][0]
    for laid, plain in LAID_OVER.items():
        assert cards[laid].performance == cards[plain].performance
        assert not ratio_of(cards[plain].on(flown))
    assert cards["released card, laid items"].on(flown) == performance_here(card, flown.implants)
    without = cards_of(card.model_copy(update={"implants": None}), measured, curve)
    assert ratio_of(without["released card, laid items"].on(flown)) is None


def test_the_report_sets_each_card_beside_itself_with_laid_items(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(5)
    flown = [*(drawn(rng=rng) for _ in range(20)), *(drawn(rng=rng, hides=1 / 3) for _ in range(80))]
    monkeypatch.setattr(flight_run, "fly", lambda *_, **__: tuple(flown))
    done = calibrate_flights(tmp_path / "laid", flights=80, measuring=20, settings=SETTINGS)
    told, names = done.report["implants"], ("card of other flights", "released card")
    assert told["scored"]["laid"] == 80 * LAID
    assert told["measuring"]["found"] == sum(f.implants.found for f in flown[:20])
    for name in names:
        own = told["cards"][name]
        assert own["with"]["share"] < own["without"]["share"]
        assert f"{own['reference']['found']} of {own['reference']['laid']}" in done.text
    ratio = np.array(told["cards"]["card of other flights"]["ratio_by_flight"])
    assert ratio.mean() == pytest.approx(1 / 3, abs=0.03)
    better = done.report["scores_of_laid"]["card of others, laid items"]["log_score"]["less_base"]
    assert better["high"] < 0, "what is carried is believed for what it is"
    assert not VERDICTS.search(done.text)
    assert done.report["scores"]["card of others, laid items"]["log_score"]["less_base"] == better, "one base"
    flown = [replace(f, implants=Tally()) for f in flown[:40]]
    report = calibrate_flights(tmp_path / "none", flights=20, measuring=20, settings=SETTINGS).report
    for part in ("calibration", "scores"):
        plain, laid = (report[part][name] for name in names), (report[part][name] for name in LAID_OVER)
        assert _rounded(laid) == _rounded(plain), "rows of one posterior are the same, to the draws"


def _rounded(rows: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Numbers of rows to nine digits, without what compares a row with another."""
    bare = [{key: {k: v for k, v in part.items() if k != "less_base"} for key, part in row.items()} for row in rows]
    return [json.loads(json.dumps(row), parse_float=lambda number: round(float(number), 9)) for row in bare]


class Workshop:
    """Stands for simulator, search and laying, which take minutes; keeps what was done, and fails once if asked to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.killed_at = ""
        self.picture = b"picture"
        for name in ("simulate_flight", "run", "count_laid"):
            monkeypatch.setattr(making, name, getattr(self, name))
        monkeypatch.setattr(making, "read_flight", self.read_flight)

    def _does(self, step: str) -> None:
        self.done.append(step)
        if step == self.killed_at:
            self.killed_at = ""
            raise KeyboardInterrupt

    def simulate_flight(self, folder: Path, **keys: object) -> SimpleNamespace:
        folder.mkdir(parents=True, exist_ok=True)
        image = folder / "flight.tif"
        image.write_bytes(self.picture)
        self._does("draw")
        return SimpleNamespace(image=image, area_ha=1.0, items=SimpleNamespace(kinds=(), x=np.zeros(0), y=np.zeros(0)))

    def run(self, images: list[Path], out: Path, *, config: RunConfig) -> SimpleNamespace:
        assert config.implants == 0
        identity = RunIdentity({}, "m@1", ((images[0].name, sha256_of(images[0])),), None, {})
        with open_run(out, RunPlan(identity, ())):
            self._does("search")
        return SimpleNamespace(summary={"area_ha": {"searched": 1.0}, "novelty": {"flagged": []}})

    def count_laid(self, images: list[Path], out: Path, *, config: RunConfig, resume: bool) -> Tally:
        assert config.implants > 0
        assert images[0].read_bytes() == b"picture"
        self._does("lay" if resume else "lay over")
        return Tally(100, 60, 2)

    def read_flight(self, folder: Path) -> Flown:
        told = json.loads((folder / COUNTED).read_text())
        tally = Tally(told["laid"], told["found"], told["set_aside"])
        return replace(drawn(rng=np.random.default_rng(0)), implants=tally)


@pytest.mark.parametrize("step", ["draw", "search", "lay"])
def test_a_killed_flight_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    shop = Workshop(monkeypatch)
    shop.killed_at = step
    with pytest.raises(KeyboardInterrupt):
        fly(tmp_path, count=1, settings=SETTINGS)
    shop.done.clear()
    (flown,) = fly(tmp_path, count=1, settings=SETTINGS)
    assert shop.done == (["draw", "lay"] if step == "lay" else ["draw", "search", "lay"])
    assert flown.implants == Tally(100, 60, 2)
    assert not list(tmp_path.rglob("flight.tif"))
    fly(tmp_path, count=1, settings=SETTINGS)
    assert len(shop.done) <= 3, "nothing is done twice"


def test_searched_flights_only_get_their_laid_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Workshop(monkeypatch)
    fly(tmp_path, count=1, settings=SETTINGS)
    counted = tmp_path / "flight-0000" / COUNTED
    kept = counted.read_bytes()
    counted.unlink()  # as of a version that laid none
    shop.done.clear()
    fly(tmp_path, count=1, settings=SETTINGS)
    assert shop.done == ["draw", "lay"]
    assert counted.read_bytes() == kept
    counted.write_text(json.dumps(json.loads(kept) | {"algorithm": 0}))
    fly(tmp_path, count=1, settings=SETTINGS)
    assert shop.done[2:] == ["draw", "lay over"], "a count of another procedure"
    assert counted.read_bytes() == kept
    counted.unlink()
    shop.picture = b"another"
    with pytest.raises(ResumeError, match="another picture"):
        fly(tmp_path, count=1, settings=SETTINGS)


def test_only_layers_made_with_this_card_are_compared() -> None:
    own, other = drawn(rng=np.random.default_rng(1)), replace(drawn(rng=np.random.default_rng(2)), model="m@0")
    p = np.repeat([0.25, 0.5], 6)
    assert layers_differ([own, other], p, model="m@1") == 0.25
    assert layers_differ([other], p[:6], model="m@1") is None


def test_too_few_flights_and_other_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 2"):
        calibrate_flights(tmp_path, flights=1, measuring=2, settings=SETTINGS)
    fly(tmp_path, count=0, settings=SETTINGS)
    with pytest.raises(ResumeError, match="other settings"):
        fly(tmp_path, count=0, settings=replace(SETTINGS, seed=2))


@pytest.mark.slow
def test_pictures_go_in_and_layers_come_out(tmp_path: Path) -> None:
    """Tiny flights through the released model; a second call reads them; the run's own layer is the posterior."""
    settings = FlightSettings(area_ha=0.03, prior_items_per_ha=150.0)
    done = calibrate_flights(tmp_path, flights=2, measuring=2, settings=settings)
    report = json.loads((tmp_path / "flights.json").read_text())
    assert report["layers_differ"] < 1e-3
    assert not list(tmp_path.rglob("*.tif.tmp"))
    assert not list(tmp_path.rglob("flight.tif"))
    assert report["searched_ha"]["scored"] == pytest.approx(0.06, rel=0.1)
    cards = {"card of other flights", "same, classes uncounted", "same, sites neither", "card of others, laid items"}
    cards |= {"released card", "released card, laid items"}
    assert set(report["calibration"]) == cards
    assert set(report["scores"]) == cards | {"raw count", "kernel density", "distance only"}
    assert report["implants"]["scored"]["laid"] > 0
    plain, carried = (report["implants"]["cards"][RELEASED][key]["share"] for key in ("without", "with"))
    assert carried <= plain
    (tmp_path / "flights" / "flight-0003" / COUNTED).unlink()
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("flight.json")}
    assert len(before) == 4
    again = calibrate_flights(tmp_path, flights=2, measuring=2, settings=settings)
    assert again.text == done.text == in_words(done.report) == (tmp_path / "flights.txt").read_text().rstrip("\n")
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("flight.json")} == before
    assert not VERDICTS.search(done.text)
