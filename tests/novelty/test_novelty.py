"""Windows, references and verdicts on novelty."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from survey.characterise.reference import shrunk_gaussian
from survey.errors import ModelError
from survey.networks import SurveyNet
from survey.novelty import WINDOW_PX, NoveltyCard, Reference, Verdict
from survey.novelty.hues import FEATURES, Hues
from survey.novelty.meter import NOVELTY, load_reference, signer_of
from survey.novelty.signature import HUES, PARTS, Signer
from survey.novelty.vision import VISION

Texture = Callable[[int, int], NDArray[np.uint8]]
WHOLE = np.ones((WINDOW_PX, WINDOW_PX), bool)
SEEN = np.array([100.0, 20.0, 2.0])
"""Brightness, chroma and detail enough."""


@pytest.fixture
def sign(network: SurveyNet) -> Signer:
    return signer_of(network, gsd_m=0.005)


def reference(seed: int = 0) -> Reference:
    rng = np.random.default_rng(seed)
    parts = {part: shrunk_gaussian(rng.normal(size=(50, size))) for part, size in zip(PARTS, (128, 5), strict=True)}
    return Reference(parts, {"network": 1.5, "colour": 2.0}, 0.975, 50, ("a", "b"))


def card_of(stored: bytes, thresholds: dict[str, float]) -> NoveltyCard:
    return NoveltyCard(
        file=NOVELTY,
        sha256=hashlib.sha256(stored).hexdigest(),
        thresholds=thresholds,
        quantile=0.975,
        windows=50,
        sites=("a", "b"),
        flagged_if_left_out={},
        flagged_if_altered={},
    )


def test_what_was_not_imaged_does_not_count(sign: Signer, texture: Texture) -> None:
    window = texture(WINDOW_PX, WINDOW_PX)
    valid = WHOLE.copy()
    valid[:, 160:] = False
    first, second = window.copy(), window.copy()
    first[:, 160:], second[:, 160:] = 0, 255
    one, other = sign(first, valid), sign(second, valid)
    assert one is not None
    assert other is not None
    assert all(np.array_equal(one[part], other[part]) for part in (*PARTS, VISION, HUES))
    assert sign(window, np.zeros_like(valid)) is None
    assert sign(window[:100, :100], WHOLE[:100, :100]) is None


def test_a_signature_is_the_same_whatever_a_runtime_makes_of_the_network(network: SurveyNet, texture: Texture) -> None:
    window = texture(WINDOW_PX, WINDOW_PX)
    sign = signer_of(network, gsd_m=0.005)
    before = sign(window, WHOLE)
    network.trunk.to(torch.bfloat16)
    after = sign(window, WHOLE)
    assert before is not None
    assert after is not None
    assert all(np.array_equal(before[part], after[part]) for part in PARTS)


def test_colour_tells_swapped_channels_and_the_network_tells_blur(sign: Signer, texture: Texture) -> None:
    import cv2

    window = texture(WINDOW_PX, WINDOW_PX) // 2 + np.array([90, 60, 20], np.uint8)
    plain, swapped = sign(window, WHOLE), sign(np.ascontiguousarray(window[..., ::-1]), WHOLE)
    soft = sign(np.asarray(cv2.GaussianBlur(window, (0, 0), 4), np.uint8), WHOLE)
    assert plain is not None
    assert swapped is not None
    assert soft is not None
    assert np.abs(plain["colour"][:2] - swapped["colour"][:2]).max() > 0.2
    assert np.abs(plain["colour"][:2] - soft["colour"][:2]).max() < 0.05
    assert np.abs(plain["network"] - soft["network"]).max() > 0.5


def test_distance_is_mahalanobis() -> None:
    rng = np.random.default_rng(1)
    mixing = rng.normal(size=(4, 4))
    values = rng.normal(size=(20_000, 4)) @ mixing.T + 3
    found = shrunk_gaussian(values).distance(values[:100])
    away = values[:100] - values.mean(axis=0)
    expected = np.sqrt(np.einsum("ni,ij,nj->n", away, np.linalg.inv(np.cov(values.T)), away) / 4)
    assert np.allclose(found, expected, rtol=0.02)


def test_few_windows_of_many_features_still_have_a_distance() -> None:
    rng = np.random.default_rng(2)
    gaussian = shrunk_gaussian(rng.normal(size=(30, 128)))
    assert gaussian.distance(rng.normal(size=(200, 128))).mean() == pytest.approx(1, abs=0.2)


def test_a_reference_reads_back_and_a_changed_one_is_refused(tmp_path: Path) -> None:
    known = reference()
    content = known.to_bytes()
    assert content == reference().to_bytes()
    (tmp_path / NOVELTY).write_bytes(content)
    read = load_reference(tmp_path, card_of(content, dict(known.thresholds)))
    assert read.sites == known.sites
    assert all(np.allclose(read.parts[p].whiten, known.parts[p].whiten, rtol=1e-5) for p in PARTS)
    with pytest.raises(ModelError, match="thresholds"):
        load_reference(tmp_path, card_of(content, {"network": 9.0, "colour": 9.0}))
    (tmp_path / NOVELTY).write_bytes(content[:-1] + b"x")
    with pytest.raises(ModelError, match="not the reference"):
        load_reference(tmp_path, card_of(content, dict(known.thresholds)))
    (tmp_path / NOVELTY).unlink()
    with pytest.raises(ModelError, match="missing"):
        load_reference(tmp_path, card_of(content, dict(known.thresholds)))


def test_a_picture_is_flagged_by_more_than_half_of_its_windows() -> None:
    half = Verdict.of(np.array([[0.5, 1.2, 0, 0, 0], [1.1, 0.2, 0, 0, 0], [0.3, 0.4, 0, 0, 0], [0.9, 0.9, 0, 0, 0]]))
    assert (half.windows, half.novel, half.flagged) == (4, 2, False)
    assert half.by_part == {"network": 1, "colour": 1, "brightness": 0, "chroma": 0, "detail": 0}
    assert Verdict.of(np.array([[2.0, 0.1, 0, 0, 0], [0.5, 3.0, 0, 0, 0], [0.1, 0.1, 0, 0, 0]])).flagged
    nothing = Verdict.of(np.empty((0, 5)))
    assert not nothing.flagged
    assert "not measured" in str(nothing)


@pytest.mark.parametrize(("column", "word"), [(2, "too dark"), (3, "no colours"), (4, "blurred")])
def test_the_verdict_says_what_keeps_a_picture_from_being_searched(column: int, word: str) -> None:
    scores = np.full((3, 5), 0.5)
    scores[:2, column] = 1.5
    verdict = Verdict.of(scores)
    assert verdict.flagged
    assert str(verdict).endswith(f"(2 of 3 windows novel; {word})")
    scores[1, column] = 0.5
    assert word not in str(Verdict.of(scores))


def test_what_has_no_colours_has_no_false_ones() -> None:
    scores = np.full((3, 6), 0.5)
    scores[:, 5] = 1.5
    assert str(Verdict.of(scores)).endswith("(0 of 3 windows novel; its colours look false)")
    scores[:, 3] = 1.5
    assert str(Verdict.of(scores)).endswith("(3 of 3 windows novel; no colours)")


def telling() -> Reference:
    """Return a reference that tells false colour by its first figure alone."""
    weights = np.zeros(1 + FEATURES)
    weights[1] = 2.0
    known = reference()
    return Reference(known.parts, known.thresholds, 0.975, 50, ("a", "b"), Hues(weights, 1.5))


def test_false_colour_is_told_from_all_windows_together() -> None:
    ground = dict.fromkeys(PARTS, 0.0)
    scores = telling().scores(
        [
            {p: telling().parts[p].mean + ground[p] for p in PARTS} | {HUES: np.full(FEATURES, value), VISION: SEEN}
            for value in (-0.5, -0.5, -0.5, 99.0)
        ]
    )
    assert scores.shape == (4, 6)
    assert scores[:, 5] * 1.5 == pytest.approx([-1, -1, -1, 4])  # one window, however odd, weighs no more than 4
    one_odd = Verdict.of(scores)
    assert (one_odd.novel, one_odd.flagged) == (0, False)
    assert one_odd.false_colour == pytest.approx(1 / 4 / 1.5, abs=1e-4)
    half = Verdict.of(scores[[0, 3]])  # as the rest is grey, no window of a majority needs to look false
    assert (half.novel, half.flagged) == (0, False)
    most = Verdict.of(scores[[0, 3, 3]])
    assert (most.novel, most.flagged) == (0, True)
    assert "false" in str(most)
    assert telling().scores([]).shape == (0, 6)
    assert not Verdict.of(telling().scores([])).flagged


def test_what_tells_false_colour_reads_back_and_earlier_references_go_without(tmp_path: Path) -> None:
    for known in (telling(), reference()):
        content = known.to_bytes()
        (tmp_path / NOVELTY).write_bytes(content)
        read = load_reference(tmp_path, card_of(content, known.bounds()))
        assert read.thresholds == known.thresholds
        assert read.bounds() == known.bounds()
        assert (read.hues is None) == (known.hues is None)
        if read.hues is not None and known.hues is not None:
            assert np.allclose(read.hues.weights, known.hues.weights)
    odd = Reference(known.parts, known.thresholds, 0.975, 50, ("a", "b"), Hues(np.zeros(4), 1.0)).to_bytes()
    (tmp_path / NOVELTY).write_bytes(odd)
    with pytest.raises(ModelError, match="other features"):
        load_reference(tmp_path, card_of(odd, {"network": 1.5, "colour": 2.0, "hues": 1.0}))
