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

    def add_noise(self) -> None:
        """Noise of the standard deviation noise_multiplier x clipping_norm on every sum of gradients."""
        for parameter in self.params:
            _check_processed_flag(parameter.summed_grad)
            parameter.grad = (parameter.summed_grad + self._noise_like(parameter.summed_grad)).view_as(parameter)
            _mark_as_processed(parameter.summed_grad)

    def _noise_like(self, gradient: Tensor) -> Tensor:
        values = self.noise.normal(gradient.numel()) * (self.noise_multiplier * self.max_grad_norm)
        return torch.from_numpy(values).to(gradient).reshape(gradient.shape)

    def empty_batch(self) -> None:
        """A step in which no patient takes part: noise alone, as if it were any other."""
        for parameter in self.params:
            parameter.grad_sample = parameter.new_zeros((0, *parameter.shape))
