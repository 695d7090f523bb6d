"""Cards say what a model was trained on, and nothing that was not measured."""

import pytest
import torch
import yaml
from pydantic import ValidationError

from survey.detect.contrast import ContrastCard
from survey.detect.model import ModelCard, PerformanceCard, dump_card
from survey.errors import TrainingError
from survey.networks import COARSE_STRIDE, SurveyNet
from survey.train import TrainConfig, release
from survey.train.release import make_card, write_model
from tests.pictures import listed

DATA = listed(
    {
        "version": 1,
        "entries": [
            {
                "kind": "cutouts",
                "site": "studio",
                "table": "t.csv",
                "classes": {"AT": ["at_mine", 0.2, 0.3], "mine": ["mine", 0.06, 0.34]},
                "licence": "-",
            },
        ],
    }
)


def test_each_class_names_its_examples_once_and_the_others_are_not_learnt() -> None:
    card = make_card("toy", config=TrainConfig(), data=DATA, measured=None, measured_on="nothing")
    told = {c.name: (c.learnt, c.trained_on) for c in card.classes}
    assert told["at_mine"] == told["ap_mine"] == (True, "cut-outs (studio)")
    assert told["projectile"] == (False, "nothing")
    assert not card.learnt_disturbances.any()
    assert card.halo_px == 208
    assert card.performance.recall == 0.01  # a model that nobody measured claims nothing


def test_a_rate_of_no_false_alarms_becomes_its_upper_bound() -> None:
    measured = {
        "recall": {"value": 0.0, "low": 0.0, "high": 0.2, "count": 0, "of": 16},
        "false_alarms_per_ha": {"value": 0.0, "low": 0.0, "high": 3.689, "count": 0, "of": 1.0, "interval": "Poisson"},
        "position_error_m": None,
        "calibration": {"kind": "constant", "parameters": (0.0,), "prevalence": 0.5},
    }
    card = make_card("toy", config=TrainConfig(), data=DATA, measured=measured, measured_on="x")
    assert card.performance.false_alarms_per_ha == 3.689
    assert 0 < card.performance.recall <= 0.001
    assert card.performance.position_error_m == 0.3
    assert card.as_performance().recall_interval == (0.0, 0.2)


def test_a_card_says_what_sightings_were_called_and_adds_it_up() -> None:
    rate = {"value": 3.0, "low": 0.6, "high": 8.8, "count": 3, "of": 1.0, "interval": "Poisson"}
    measured = {
        "recall": {"value": 0.1, "low": 0.0, "high": 0.3, "count": 2, "of": 16},
        "false_alarms_per_ha": rate,
        "false_alarms_by_class": {"ap_mine": 0, "anomaly": 3},
        "found_by_class": {"ap_mine": 1, "anomaly": 1},
        "position_error_m": 0.1,
        "calibration": {"kind": "constant", "parameters": (0.0,), "prevalence": 0.5},
    }
    card = make_card("toy", config=TrainConfig(), data=DATA, measured=measured, measured_on="x")
    told = card.as_performance()
    assert (told.false_alarms_by_class, told.found_by_class) == (
        {"ap_mine": 0, "anomaly": 3},
        {"ap_mine": 1, "anomaly": 1},
    )
    earlier = {k: v for k, v in measured.items() if not k.endswith("_by_class")}
    card = make_card("toy", config=TrainConfig(), data=DATA, measured=earlier, measured_on="x")
    assert card.as_performance().false_alarms_by_class is None
    with pytest.raises(ValidationError, match="adds up to 4"):
        PerformanceCard.model_validate(
            card.performance.model_dump() | {"false_alarms_by_class": {"ap_mine": 1, "anomaly": 3}}
        )


def test_weights_too_large_for_a_release_are_refused(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    card = make_card("toy", config=TrainConfig(), data=DATA, measured=None, measured_on="nothing")
    monkeypatch.setattr(release, "MOST_BYTES", 1000)
    with pytest.raises(TrainingError, match="bytes of weights are more than"):
        write_model(SurveyNet(classes=6, disturbances=3), tmp_path_factory.mktemp("model"), card=card)


def test_a_card_does_not_say_where_the_bank_lay() -> None:
    config = TrainConfig(bank="/home/somebody/bank")
    training = make_card("toy", config=config, data=DATA, measured=None, measured_on="nothing").training
    assert training.config["bank"] == "BANK"
    elsewhere = make_card("toy", config=TrainConfig(bank="x"), data=DATA, measured=None, measured_on="nothing").training
    assert training.config_sha256 == elsewhere.config_sha256


@pytest.mark.parametrize(("backbone", "halo_px"), [("lite0", 208), pytest.param("lite2", 304, marks=pytest.mark.slow)])
def test_a_model_that_compares_with_the_ground_says_how_and_reads_a_cell_further(backbone: str, halo_px: int) -> None:
    def card(**settings: object) -> ModelCard:
        config = TrainConfig.model_validate({"backbone": backbone, **settings})
        return make_card("toy", config=config, data=DATA, measured=None, measured_on="nothing")

    plain, comparing = card(), card(contrast=4.0, contrast_heat=0.25, contrast_bias=-2.0, contrast_trimmed=0.1)
    assert plain.contrast is None
    assert comparing.contrast == ContrastCard(heat=0.25, contrast=4.0, bias=-2.0, trimmed=0.1)
    assert (plain.halo_px, comparing.halo_px) == (halo_px, halo_px + COARSE_STRIDE)
    around = {"cells": 5, "level": 0.5, "unrest": 0.25}
    farther = card(contrast=4.0, contrast_around=around)
    assert farther.halo_px == comparing.halo_px + 2 * COARSE_STRIDE
    told = yaml.safe_load(dump_card(farther))
    assert told["contrast"]["around"] == around
    assert ModelCard.model_validate(told) == farther
    told = yaml.safe_load(dump_card(comparing))
    assert ModelCard.model_validate(told) == comparing
    with pytest.raises(ValidationError):
        ContrastCard(heat=0.25, contrast=4.0, bias=-2.0, trimmed=0.5)


def test_more_blocks_than_a_backbone_has_cannot_be_held() -> None:
    assert TrainConfig(backbone="lite2", held_blocks=15).held_blocks == 15
    with pytest.raises(ValidationError, match="lite0 has 10 blocks, 15 cannot be held; set at most 10"):
        TrainConfig(backbone="lite0", held_blocks=15)
