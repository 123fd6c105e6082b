"""Opacus' optimiser with the site's own noise in place of a generator that 32 bits seed."""

from __future__ import annotations

import torch
from opacus.optimizers import DPOptimizer
from opacus.optimizers.optimizer import _check_processed_flag, _mark_as_processed
from torch import Tensor

from client.privacy.noise import Noise


class PrivateOptimizer(DPOptimizer):  # type: ignore[misc]
    """Cuts each patient's gradient to one length, adds noise to the sum over a batch, and takes a step with it."""

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        noise: Noise,
        noise_multiplier: float,
        clipping_norm: float,
        expected_batch_size: float,
    ) -> None:
        super().__init__(
            optimizer,
            noise_multiplier=noise_multiplier,
            max_grad_norm=clipping_norm,
            expected_batch_size=expected_batch_size,
        )
        self.noise = noise

    def clip_and_accumulate(self) -> None:
        """Add up the cut gradients; a patient with a value that is not finite adds nothing.

        Cutting would leave NaN as it is, and weights made for the purpose could let one patient alone reach it.
        """
        if len(self.grad_samples[0]):
            finite = torch.stack([one.reshape(len(one), -1).isfinite().all(dim=1) for one in self.grad_samples]).all(
                dim=0
            )
            for parameter, gradients in zip(self.params, self.grad_samples, strict=True):
                outside = ~finite.reshape(-1, *[1] * (gradients.dim() - 1))
                parameter.grad_sample = gradients.masked_fill(outside, 0.0)
        super().clip_and_accumulate()

    def add_noise(self) -> None:
        """Noise of the standard deviation noise_multiplier x clipping_norm on every sum of gradients."""
        for parameter in self.params:
            _check_processed_flag(parameter.summed_grad)
            noised = parameter.summed_grad.double() + self._noise_like(parameter.summed_grad)
            parameter.grad = noised.to(parameter.dtype).view_as(parameter)
            _mark_as_processed(parameter.summed_grad)

    def _noise_like(self, gradient: Tensor) -> Tensor:
        values = self.noise.normal(gradient.numel()) * (self.noise_multiplier * self.max_grad_norm)
        # rounded once, after it is added: rounded before, its last bits would tell the sum under it
        return torch.from_numpy(values).to(gradient.device).reshape(gradient.shape)

    def empty_batch(self) -> None:
        """A step in which no patient takes part: noise alone, as if it were any other."""
        for parameter in self.params:
            parameter.grad_sample = parameter.new_zeros((0, *parameter.shape))
