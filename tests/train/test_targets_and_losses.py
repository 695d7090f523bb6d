"""What the heads should say, and what it costs them to say otherwise."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from survey.composites.compose import Sample
from survey.networks import HEAT_STRIDE, Heads
from survey.train.losses import losses
from survey.train.targets import Batch, make_batch

SIZE, CLASSES = 64, 3


def sample(
    *items: tuple[float, float, float, int, bool], mask: int = 0, known: NDArray[np.bool_] | None = None
) -> Sample:
    """Items are (row, col, size, class, ignored)."""
    table = np.array(items, float).reshape(-1, 5)
    return Sample(
        pixels=np.zeros((SIZE, SIZE, 3), np.uint8),
        row=table[:, 0].astype(np.float32),
        col=table[:, 1].astype(np.float32),
        size_px=table[:, 2].astype(np.float32),
        class_index=table[:, 3].astype(np.int64),
        ignored=table[:, 4].astype(bool),
        mask=np.full((SIZE // 8, SIZE // 8), mask, np.uint8),
        known=np.ones((SIZE // 4, SIZE // 4), bool) if known is None else known,
    )


def perfect(batch: Batch) -> Heads:
    """Return heads that say exactly what the batch asks for."""
    heat = torch.where(batch.heat == 1, 20.0, -20.0)
    geometry = torch.zeros(len(batch.pixels), 3, *batch.heat.shape[2:])
    for (index, row, col), values in zip(batch.centre.tolist(), batch.geometry, strict=True):
        geometry[index, :, row, col] = values
    mask = torch.nn.functional.one_hot(batch.mask.clamp(max=3), 4).permute(0, 3, 1, 2) * 40.0
    kind = torch.zeros(len(batch.pixels), CLASSES, *batch.heat.shape[2:])
    for (index, row, col), which in zip(batch.centre.tolist(), batch.kind.tolist(), strict=True):
        kind[index, which, row, col] = 20
    return Heads(heat, kind, geometry, mask)


def wrong(batch: Batch) -> Heads:
    good = perfect(batch)
    return Heads(-good.heat / 10, -good.kind / 10, good.geometry + 1, -good.mask / 10)


def test_the_centre_cell_is_exactly_one_and_nothing_else_is() -> None:
    batch = make_batch([sample((21.5, 33.0, 20, 1, False), (0.0, 63.9, 4, 0, False))])
    assert (batch.heat == 1).nonzero().tolist() == [[0, 0, 0, 15], [0, 0, 5, 8]]
    assert batch.centre.tolist() == [[0, 0, 15], [0, 5, 8]] or batch.centre.tolist() == [[0, 5, 8], [0, 0, 15]]
    assert batch.geometry[0].tolist() == pytest.approx([np.log(20), 21.5 / 4 - 5, 0.25])
    assert float(batch.heat.min()) >= 0
    assert batch.heat[0, 0, 5, 9] == batch.heat[0, 0, 5, 7] < 1
    assert sorted(batch.kind.tolist()) == [0, 1]
    assert torch.all(batch.weight == 1)


def test_ignored_items_are_neither_demanded_nor_punished() -> None:
    batch = make_batch([sample((32, 32, 16, 0, True), (70, 10, 24, 0, True))])
    assert not batch.heat.any()
    assert len(batch.centre) == 0
    weight = batch.weight[0, 0]
    assert not weight[6:11, 6:11].any()
    assert weight[4, 8] == 1
    assert not weight[15, 2]  # the item below the crop reaches into it
    assert 0 < float(weight.mean()) < 1
    heads = perfect(batch)
    heads.heat[0, 0, 8, 8] = 20.0
    assert losses(heads, batch).total < 1e-6


def test_an_empty_batch_is_an_ordinary_batch() -> None:
    batch = make_batch([sample(), sample(mask=255)])
    assert batch.pixels.shape == (2, 3, SIZE, SIZE)
    assert batch.pixels.is_contiguous(memory_format=torch.channels_last)
    assert (batch.centre.shape, batch.geometry.shape) == ((0, 3), (0, 3))
    heads = perfect(batch)
    heads.geometry.requires_grad_()
    value = losses(heads, batch)
    assert all(torch.isfinite(v) for v in (value.heat, value.geometry, value.mask, value.total))
    assert value.total < 1e-6
    value.total.backward()  # type: ignore[no-untyped-call]
    assert losses(wrong(batch), batch).heat > 0.1


def test_a_batch_whose_mask_is_wholly_unknown_has_no_mask_loss() -> None:
    batch = make_batch([sample(mask=255)])
    assert losses(wrong(batch), batch).mask == 0


def test_right_answers_cost_nothing_and_each_head_pays_for_its_own_mistakes() -> None:
    batch = make_batch([sample((20, 20, 12, 0, False), (44, 40, 30, 2, False), mask=2)])
    good, bad = perfect(batch), wrong(batch)
    right = losses(good, batch)
    assert right.total < 1e-4
    for name in ("heat", "kind", "geometry", "mask"):
        heads = Heads(**{n: getattr(bad if n == name else good, n) for n in ("heat", "kind", "geometry", "mask")})
        value = losses(heads, batch)
        assert getattr(value, name) > 0.1
        assert value.total > right.total + 0.1


def test_moving_towards_the_answer_lowers_the_loss() -> None:
    batch = make_batch([sample((20, 20, 12, 0, False))])
    good, bad = perfect(batch), wrong(batch)

    def between(share: float) -> float:
        heads = Heads(
            *(torch.lerp(getattr(bad, n), getattr(good, n), share) for n in ("heat", "kind", "geometry", "mask"))
        )
        return float(losses(heads, batch).total)

    assert between(0) > between(0.3) > between(0.6) > between(1)


def test_cells_are_those_of_the_network() -> None:
    batch = make_batch([sample()])
    assert batch.heat.shape == (1, 1, SIZE // HEAT_STRIDE, SIZE // HEAT_STRIDE)
    assert batch.mask.shape == (1, SIZE // 8, SIZE // 8)
