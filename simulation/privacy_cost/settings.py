"""What is trained for the comparison: two modes, four promises, and how often."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Mode = Literal["head", "full"]
EPSILONS = (1.0, 3.0, 8.0, math.inf)
DELTA = 1e-5
CLIPPING_NORM = 1.0
POOL_HALVES = 2
"""The pool has this many times the training patients of a model, so that each patient is in half of the models."""
PUBLIC_PATIENTS = 2
"""Training patients of the public cohort, in those of a model."""
PUBLIC_SEED, PRIVATE_SEED, TEST_PATIENTS = 11, 12, 300


@dataclass(frozen=True)
class Recipe:
    """How a mode is trained, with every epsilon alike; chosen on the public cohort."""

    epochs: int
    learning_rate: float
    batch_size: int
    models: int
    """Trained with each epsilon, on half of the pool each; four or more, in pairs."""


RECIPES: dict[Mode, Recipe] = {
    "head": Recipe(epochs=20, learning_rate=3e-3, batch_size=32, models=16),
    "full": Recipe(epochs=8, learning_rate=1e-3, batch_size=64, models=4),
}


@dataclass(frozen=True)
class Trained:
    """One model of the comparison: its mode, its promise and which half of the pool it learns from."""

    mode: Mode
    epsilon: float
    number: int

    @property
    def name(self) -> str:
        """For files."""
        epsilon = "none" if math.isinf(self.epsilon) else f"{self.epsilon:g}"
        recipe = RECIPES[self.mode]
        return f"{self.mode}-{epsilon}-{recipe.epochs}x{recipe.batch_size}-{recipe.learning_rate:g}-{self.number}"
