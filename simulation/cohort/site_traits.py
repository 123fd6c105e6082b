"""How the sites of a synthetic cohort differ: size, prevalence, scanners, unknown values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common.study import Sites
from simulation.cohort.acquisition import MANUFACTURER_SHARES, THICKNESS_SHARES, Scanners
from simulation.cohort.latents import Floats
from simulation.cohort.seeds import Stream, generator

SMALLEST_RATE = 1e-9
"""A site whose rate of unknown values is nothing gets some only when all others are full."""


@dataclass(frozen=True)
class Traits:
    """What distinguishes the sites, a site a place, the largest first."""

    shares: Floats
    """Part of the patients; adds up to 1."""
    log_odds: Floats
    """Added to the log odds of a high TPS."""
    unknown_rates: Floats
    """How often a value is unknown, relative to the other sites."""
    scanners: tuple[Scanners, ...]


def equally_spaced(count: int, *, spread: float) -> Floats:
    """`count` equally spaced values with mean 0 and (over these values) the given SD; one value is 0."""
    steps = np.arange(count) - (count - 1) / 2
    return np.asarray(spread * steps / steps.std()) if count > 1 else np.zeros(1)


def geometric_shares(count: int, *, ratio: float) -> Floats:
    """Shares of the sites, the first `ratio` times the last and a constant factor from one to the next."""
    sizes = ratio ** -np.linspace(0, 1, count)
    return np.asarray(sizes / sizes.sum())


def mixed(whole: tuple[float, ...], shares: Floats, *, mix: float) -> list[tuple[float, ...]]:
    """For each site, the cohort's shares of some kinds and one kind of the site's own, `mix` of the latter.

    Site after site takes the kind of which the cohort still lacks most, so that all sites together come near `whole`.
    """
    lacking = np.array(whole)
    found = []
    for share in shares:
        own = int(lacking.argmax())
        lacking[own] -= share
        found.append(tuple((1 - mix) * part + mix * (kind == own) for kind, part in enumerate(whole)))
    return found


def draw_traits(sites: Sites, *, seed: int) -> Traits:
    """The sites' traits; which site has which prevalence, tube current and rate of unknown values is drawn by lot."""
    rng = generator(seed, Stream.SITE_TRAITS, 0)
    shares = geometric_shares(sites.count, ratio=sites.size_ratio)
    log_odds = rng.permutation(equally_spaced(sites.count, spread=sites.prevalence_spread))
    factors = np.exp(rng.permutation(equally_spaced(sites.count, spread=sites.tube_current_spread)))
    rates = np.maximum((1 - sites.missing_spread) ** rng.permutation(sites.count), SMALLEST_RATE)
    manufacturers = mixed(MANUFACTURER_SHARES, shares, mix=sites.scanner_mix)
    thicknesses = mixed(THICKNESS_SHARES, shares, mix=sites.thickness_mix)
    scanners = map(Scanners, manufacturers, thicknesses, map(float, factors))
    return Traits(shares, log_odds, rates, tuple(scanners))
