"""Batch normalisation over the crops of all processes, so that two of them train as one would.

torch's own SyncBatchNorm does this between GPUs and refuses processors (torch 2.14.1), so the same
sums are taken here for those: slower than torch's fused kernels, and exact.
"""

from typing import Any

import torch
from torch import Tensor, distributed, nn

from survey.train.distributed import World

_AXES = (0, 2, 3)


class _Normalise(torch.autograd.Function):
    """Normalise by the mean and variance of all processes' values; the sums are exact, so are the gradients.

    Ioffe & Szegedy 2015, arXiv 1502.03167, section 3: every sum over the batch is one over all processes.
    The variance is taken around the common mean, for a difference of squares loses digits.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return (normalised x, mean, biased variance, number of values a channel); statistics in float32."""
        values = x.float()
        sums = torch.cat([values.sum(dim=_AXES), values.new_tensor([values.numel() / values.shape[1]])])
        distributed.all_reduce(sums)
        number = sums[-1]
        mean = sums[:-1] / number
        centred = values - mean[:, None, None]
        variance = centred.square().sum(dim=_AXES)
        distributed.all_reduce(variance)
        variance = variance / number
        scale = (variance + eps).rsqrt()
        ctx.save_for_backward(x, weight, mean, scale, number)
        ctx.mark_non_differentiable(mean, variance, number)
        y = centred * (scale * weight)[:, None, None] + bias[:, None, None]
        return y.to(x.dtype), mean, variance, number

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Return the gradients of x, and this process' share of those of weight and bias."""
        x, weight, mean, scale, number = ctx.saved_tensors
        gradient = gradients[0].float()
        normal = (x.float() - mean[:, None, None]) * scale[:, None, None]
        own = torch.stack([gradient.sum(dim=_AXES), (gradient * normal).sum(dim=_AXES)])
        whole = own.clone()
        distributed.all_reduce(whole)
        shift, slope = (whole / number)[:, :, None, None]
        inner = (gradient - shift - normal * slope) * (scale * weight)[:, None, None]
        return inner.to(x.dtype), own[1], own[0], None


class SyncNorm(nn.BatchNorm2d):
    """`nn.BatchNorm2d` whose statistics in training are those of all processes. Same parameters and buffers."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W)."""
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        y, mean, variance, number = _Normalise.apply(x, self.weight, self.bias, self.eps)
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * number / (number - 1), self.momentum)
        normalised: Tensor = y
        return normalised


def synchronise(network: nn.Module, world: World) -> None:
    """Replace every batch normalisation, in place, by one over all processes; nothing to do for one alone."""
    if world.size == 1:
        return
    if world.device.type == "cuda":
        # The network itself is no normalisation, so it is changed in place.
        nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, _synchronised(child))


def _synchronised(norm: nn.BatchNorm2d) -> SyncNorm:
    """Return a normalisation with the same parameters and buffers (the same, not copies)."""
    new = SyncNorm(norm.num_features, eps=norm.eps, momentum=norm.momentum)
    new.weight, new.bias = norm.weight, norm.bias
    new.running_mean, new.running_var = norm.running_mean, norm.running_var
    new.num_batches_tracked = norm.num_batches_tracked
    return new.train(norm.training)
