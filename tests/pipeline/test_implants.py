"""Items laid on a run's own imagery: counted once, the same for all that search, and what they make of the risk."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

from survey.config import RunConfig
from survey.detect import ImplantsCard, ImplantSite
from survey.detect.model import CARD, dump_card, load_card
from survey.engine import JobStore, Receipt, Shard
from survey.errors import ResumeError
from survey.explain import explain_cell
from survey.implant import ALGORITHM, SEED, Tally
from survey.pipeline import count_laid, implants, run
from survey.pipeline.implants import RECORD, facts_of, implants_warning, performance_here, recorded_implants
from survey.pipeline.plan import plan_run
from survey.progress import SilentProgress
from survey.provenance import verify
from survey.risk import Belief
from survey.rounds import compute_round
from survey.rounds.basis import Basis
from survey.values import RISK_BANDS
from tests.pipeline.conftest import ORIGIN

Flight = Callable[..., Path]


@pytest.fixture(scope="session")
def counted(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy model, whose card says that it found 200 of 240 items on its own ground, and 59 of 98 real ones."""
    folder = tmp_path_factory.mktemp("counted") / "model"
    shutil.copytree(model, folder)
    card = load_card(folder)
    section = ImplantsCard(
        laid=240,
        found=200,
        sites=("home",),
        by_site={"home": ImplantSite(laid=240, found=200)},
        score=card.thresholds.score,
        seed=SEED,
        algorithm=ALGORITHM,
    )
    known = card.performance.model_copy(update={"items": 98, "found": 59, "recall": 0.6})
    (folder / CARD).write_bytes(dump_card(card.model_copy(update={"implants": section, "performance": known})))
    assert load_card(folder).implants == section
    return folder


@pytest.fixture
def settings(config: RunConfig, counted: Path) -> RunConfig:
    return config.model_copy(update={"model": str(counted), "implants": 6})


class Warned(SilentProgress):
    """Keeps the warnings of a run."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, message: str) -> None:
        self.warnings.append(message)


def contents(out: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((out / "products").iterdir())}


def records(out: Path) -> list[Receipt]:
    found = [Receipt.from_json(path.read_text()) for path in (out / "blocks").glob("*/[0-9a-f]*.json")]
    return [receipt for receipt in found if receipt.block_index == RECORD]


def bands(out: Path) -> dict[str, np.ma.MaskedArray]:
    with rasterio.open(out / "products" / "risk.tif") as risk:
        return dict(zip(RISK_BANDS, risk.read(masked=True), strict=True))


@pytest.fixture
def nothing_found(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Each measurement lays 120 items and finds 6 of them; a list of the measurements."""
    asked: list[int] = []

    def measured(*_: object) -> Tally:
        asked.append(1)
        return Tally(120, 6, 4)

    monkeypatch.setattr(implants, "_measured", measured)
    return asked


def test_shares_workers_and_resumed_runs_count_the_same_once(
    tmp_path: Path, flight: Flight, settings: RunConfig
) -> None:
    path = flight(rows=530, cols=530)
    result = run([path], tmp_path / "whole", config=settings)
    told = result.summary["implants"]
    assert 0 < told["laid"] + told["set_aside"] <= 6
    (receipt,) = records(tmp_path / "whole")
    assert receipt.counts == {key: told[key] for key in ("laid", "found", "set_aside")}
    whole = contents(tmp_path / "whole")
    assert verify(tmp_path / "whole", images=[tmp_path], model=settings.model).findings == ()
    run([path], tmp_path / "shared", config=settings, shard=Shard(0, 2))
    run([path], tmp_path / "shared", config=settings, shard=Shard(1, 2))
    assert contents(tmp_path / "shared") == whole
    run([path], tmp_path / "pool", config=settings.model_copy(update={"workers": 2, "decode_threads": 2}))
    assert contents(tmp_path / "pool") == whole
    # A killed run has its record, or makes it anew.
    JobStore(tmp_path / "whole").receipt_path(receipt.key).unlink()
    run([path], tmp_path / "whole", config=settings)
    assert contents(tmp_path / "whole") == whole
    assert records(tmp_path / "whole") == [receipt]


def test_where_fewer_are_found_risk_is_higher_and_everything_says_so(
    tmp_path: Path, flight: Flight, settings: RunConfig, nothing_found: list[int]
) -> None:
    path, progress = flight(rows=300, cols=300), Warned()
    lowered = run([path], tmp_path / "out", config=settings, progress=progress)
    assert len(nothing_found) == 1
    told = lowered.summary["implants"]
    assert told["ratio"]["high"] < 0.2
    assert told["recall"]["here"] < 0.1 * told["recall"]["card"] + 0.02
    (warning,) = progress.warnings
    for words in ("6 of 120", "200 of 240", "simulated"):
        assert words in warning
        assert words in told["told"]
    basis = Basis.read(tmp_path / "out")
    assert Belief.from_performance(basis.performance).recall == told["recall"]["here"]
    explanation = explain_cell(ORIGIN[0] + 1, ORIGIN[1] - 1, run=tmp_path / "out")
    assert told["told"] in str(explanation)
    before = bands(tmp_path / "out")
    compute_round(tmp_path / "out")
    with rasterio.open(tmp_path / "out" / "rounds" / "001" / "risk.tif") as risk:
        assert np.array_equal(risk.read(1), before[RISK_BANDS[0]].filled(-9999))
    run([path], tmp_path / "none", config=settings.model_copy(update={"implants": 0}))
    plain = bands(tmp_path / "none")
    searched = before["searched_fraction"] > 0
    assert (before["p_at_least_one"] > plain["p_at_least_one"])[searched].all()
    assert len(nothing_found) == 1


def test_without_implants_the_run_is_as_the_card_says(tmp_path: Path, flight: Flight, settings: RunConfig) -> None:
    none = settings.model_copy(update={"implants": 0})
    result = run([flight(rows=300, cols=300)], tmp_path / "out", config=none)
    assert records(tmp_path / "out") == []
    told = result.summary["implants"]
    assert (told["laid"], told["ratio"]) == (0, None)
    assert "no simulated items were laid" in told["told"]
    basis = Basis.read(tmp_path / "out")
    assert basis.performance == load_card(Path(settings.model)).as_performance()


def test_an_old_card_tells_its_count_and_leaves_recall(
    tmp_path: Path, flight: Flight, config: RunConfig, nothing_found: list[int]
) -> None:
    progress = Warned()
    old = config.model_copy(update={"implants": 6})
    result = run([flight(rows=300, cols=300)], tmp_path / "out", config=old, progress=progress)
    told = result.summary["implants"]
    assert nothing_found
    assert (told["laid"], told["found"], told["ratio"], progress.warnings) == (120, 6, None, [])
    assert "survey characterise" in told["told"]
    without = Belief.from_performance(load_card(Path(config.model)).as_performance())
    assert Belief.from_performance(Basis.read(tmp_path / "out").performance) == without


def test_unreadable_windows_are_passed_over(tmp_path: Path, flight: Flight, settings: RunConfig) -> None:
    path = flight(rows=1600, cols=800)
    whole = path.read_bytes()
    with rasterio.open(path) as dataset:
        offsets = [int(dataset.get_tag_item(f"BLOCK_OFFSET_3_{n}", "TIFF", bidx=1)) for n in (8, 9)]
    for offset in offsets:
        whole = whole[:offset] + b"\xff" * 400 + whole[offset + 400 :]
    path.write_bytes(whole)
    many = settings.model_copy(update={"implants": 60})
    plan, detector = plan_run([path], config=many, aoi=None)
    tally = recorded_implants(plan, JobStore(tmp_path / "out"), detector=lambda: detector)
    assert tally is not None
    assert 0 < tally.used <= 6  # one window, of the part that can be read
    again = recorded_implants(plan, JobStore(tmp_path / "out"), detector=lambda: pytest.fail("it is stored"))
    assert again == tally


def test_the_cards_own_threshold_is_what_is_compared(
    flight: Flight, settings: RunConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[float] = []

    def lay(searcher: object, *_: object, **__: object) -> Tally:
        asked.append(searcher.card.thresholds.score)  # type: ignore[attr-defined]
        return Tally(1, 1, 0)

    monkeypatch.setattr(implants, "lay_and_search", lay)
    other = settings.model_copy(update={"candidate_threshold": 0.9})
    plan, detector = plan_run([flight(rows=300, cols=300)], config=other, aoi=None)
    recorded_implants(plan, JobStore(tmp_path / "out"), detector=lambda: detector)
    assert plan.card.implants is not None
    assert set(asked) == {plan.card.implants.score} != {0.9}


def test_counted_without_a_search_it_is_the_same_count(
    tmp_path: Path, flight: Flight, settings: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = flight(rows=530, cols=530)
    told = run([path], tmp_path / "run", config=settings).summary["implants"]
    tally = count_laid([path], tmp_path / "laid", config=settings)
    assert tally == Tally(told["laid"], told["found"], told["set_aside"])
    assert tally.used > 0
    monkeypatch.setattr(implants, "_measured", lambda *_: Tally(9, 9, 9))
    assert count_laid([path], tmp_path / "laid", config=settings) == tally, "it is stored"
    assert count_laid([path], tmp_path / "laid", config=settings, resume=False) == Tally(9, 9, 9)
    assert count_laid([path], tmp_path / "none", config=settings.model_copy(update={"implants": 0})) == Tally()
    with pytest.raises(ResumeError, match="another run"):
        count_laid([path], tmp_path / "run", config=settings.model_copy(update={"implants": 5}))


def test_counts_of_another_procedure_are_not_compared(flight: Flight, settings: RunConfig) -> None:
    plan, _ = plan_run([flight(rows=300, cols=300)], config=settings, aoi=None)
    section = plan.card.implants
    assert section is not None
    card = plan.card.model_copy(update={"implants": section.model_copy(update={"algorithm": ALGORITHM + 1})})
    other = replace(plan, card=card)
    tally = Tally(120, 6, 0)
    facts = facts_of(card, performance_here(card, tally), tally)
    assert facts["ratio"] is None
    assert "another version" in facts["told"]
    assert implants_warning(other, tally, None) is None
    assert json.loads(json.dumps(facts)) == facts
