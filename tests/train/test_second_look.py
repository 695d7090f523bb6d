"""What a second look is fitted on, and that the fit is what statistics says it is."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from survey.composites.compose import Recipe, Sample
from survey.datasets.datalist import DataList
from survey.datasets.sources import Sources
from survey.errors import TrainingError
from survey.networks import SurveyNet
from survey.networks.close_up import SecondLook
from survey.train import TrainConfig
from survey.train.identity import Identity
from survey.train.second_look import (
    DIRECTIONS,
    RIDGE,
    Alarms,
    _judged,
    fit_second_look,
    fitted,
    kept_or_fitted,
    second_look_card,
)
from survey.values import CLASSES

HELD = {"held_blocks": 10, "held_norms": True, "contrast": 4.0}


def mixed_alarms() -> Alarms:
    """Return alarms of 200 features of falling variance, of which a tenth lie on items and stand out along some."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(3000, 200)) * np.linspace(3, 0.1, 200) + rng.normal(size=200) * 5
    mixing = np.linalg.qr(rng.normal(size=(200, 200)))[0]
    items = rng.random(3000) < 0.1
    features[items, 4:9] += 2.0
    return Alarms((features @ mixing).astype(np.float32), items)


def test_alarms_are_told_apart_along_what_varies_most_among_those_on_no_item() -> None:
    alarms = mixed_alarms()
    basis, offset = fitted(alarms, features=6)
    told = alarms.features @ basis.T + offset
    scaled = (alarms.features - alarms.features.mean(axis=0)) / (alarms.features.std(axis=0) + 1e-3)
    expected = PCA(6, svd_solver="full").fit(scaled[~alarms.items])
    assert np.allclose(told[~alarms.items, :6].mean(axis=0), 0, atol=1e-2)
    assert np.allclose(told[~alarms.items, :6].var(axis=0, ddof=1), expected.explained_variance_, rtol=0.02)
    again, _ = fitted(alarms, features=6)
    assert np.array_equal(basis, again)
    assert np.isfinite(offset).all()


def test_likeness_is_a_ridge_regression_on_the_first_directions() -> None:
    alarms = mixed_alarms()
    basis, offset = fitted(alarms, features=2)
    likeness = (alarms.features @ basis.T + offset)[:, -1]
    scaled = (alarms.features - alarms.features.mean(axis=0)) / (alarms.features.std(axis=0) + 1e-3)
    told = PCA(DIRECTIONS, svd_solver="full").fit(scaled[~alarms.items]).transform(scaled)
    told /= np.sqrt(np.mean(told**2))
    expected = LogisticRegression(C=1 / RIDGE, max_iter=2000, tol=1e-8).fit(told, alarms.items).decision_function(told)
    assert np.corrcoef(likeness, expected)[0, 1] > 0.995
    assert np.abs(likeness - expected).mean() < 0.1
    assert likeness[alarms.items].mean() > likeness[~alarms.items].mean() + 1


def sample(*, ignored: bool = False, known: bool = True) -> Sample:
    """Return a crop with a small item and a large one."""
    return Sample(
        pixels=np.zeros((448, 448, 3), np.uint8),
        row=np.array([100.0, 300.0], np.float32),
        col=np.array([100.0, 300.0], np.float32),
        size_px=np.array([20.0, 100.0], np.float32),
        class_index=np.array([0, 0]),
        ignored=np.array([ignored, ignored]),
        mask=np.zeros((56, 56), np.uint8),
        known=np.full((112, 112), known),
    )


@pytest.mark.parametrize(
    ("place", "expected"),
    [((100, 120), [True]), ((300, 345), [True]), ((100, 130), []), ((300, 370), [False]), ((200, 200), [False])],
)
def test_an_alarm_is_of_an_item_within_reach_of_it_and_of_nothing_known_beside_it(
    place: tuple[int, int], expected: list[bool]
) -> None:
    at = np.array(place)
    assert list(_judged(at, sample())) == expected
    hidden = sample(ignored=True)
    assert list(_judged(at, hidden)) == [item for item in expected if not item]
    unknown = sample(known=False)
    assert list(_judged(at, unknown)) == [item for item in expected if item]


def test_a_fit_gathers_alarms_of_composites_and_says_when_they_are_too_few(
    sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(2)
    network = SurveyNet(classes=len(CLASSES), disturbances=3).eval()
    network.trunk.backbone.load_imagenet()
    config = TrainConfig.model_validate({"second_look": 3, "apart_m": 0.25, **HELD})
    recipe = Recipe(crop_px=256, gsd_m=0.01, classes=CLASSES)
    with pytest.raises(TrainingError, match="alarms on 3 composites lie on items; more than 128"):
        fit_second_look(network, sources, config, recipe)
    monkeypatch.setattr("survey.train.second_look.DIRECTIONS", 20)
    config = TrainConfig.model_validate({"second_look": 60, "apart_m": 0.25, **HELD})
    look = fit_second_look(network, sources, config, recipe)
    assert torch.isfinite(look.basis).all()
    assert (look.basis.abs().sum(dim=1) > 0).all()
    card = second_look_card(config)
    assert card is not None
    assert look.basis.shape[0] == card.features + 1
    assert second_look_card(TrainConfig()) is None


def test_a_fit_is_kept_for_the_next_session_of_the_same_run(tmp_path: Path) -> None:
    fits: list[SecondLook] = []
    config = TrainConfig.model_validate({"second_look": 10, **HELD})
    identity = Identity.of(config, DataList(version=1, entries=()), {})

    def fit() -> SecondLook:
        look = SecondLook("lite0", views=3, features=config.second_look_features)
        look.basis.copy_(torch.randn(look.basis.shape))
        fits.append(look)
        return look

    def look(changed: Mapping[str, object] | None = None) -> SecondLook:
        own = TrainConfig.model_validate({"second_look": 10, **HELD, **(changed or {})})
        return kept_or_fitted(tmp_path, identity.key_of_fit(own), config=own, fit=fit)

    first = look()
    for changed in ({}, {"second_look_bias": -1.0}, {"second_look_trimmed": 0.3, "steps": 9}):
        again = look(changed)
        assert len(fits) == 1
        assert all(torch.equal(value, again.state_dict()[name]) for name, value in first.state_dict().items())
    look({"second_look": 11})
    look({"second_look_features": 8})
    assert len(fits) == 3


@pytest.mark.parametrize("changes", [{"held_norms": False}, {"held_blocks": 3}, {"contrast": 0.0}])
def test_a_second_look_needs_the_backbone_that_its_deep_end_belongs_to(changes: dict[str, object]) -> None:
    assert TrainConfig.model_validate({"second_look": 10, **HELD}).holds_backbone
    with pytest.raises(ValidationError, match="set held_norms and held_blocks=10"):
        TrainConfig.model_validate({"second_look": 10, **HELD, **changes})
