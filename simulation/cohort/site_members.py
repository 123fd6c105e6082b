"""Which site each patient of a synthetic cohort belongs to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from common.errors import StudyError
from simulation.cohort.latents import Floats
from simulation.cohort.seeds import Stream, generator
from simulation.cohort.site_traits import Traits
from simulation.cohort.table import DIVISIONS

LABELLED = ("training", "validation", "test")
"""Divisions of which every site needs patients of both classes."""
Whole = NDArray[np.int64]


def apportion(wanted: Floats, *, total: int, low: int, high: Whole) -> Whole:
    """Whole shares of `total` in proportion to `wanted`, none below `low` or above its `high`.

    What a limit takes from one goes to the others in their proportion; what rounding leaves, to the largest
    remainders. `wanted` is above 0 wherever `high` is, and the limits leave room for `total`.
    """
    if total == 0:
        return np.zeros(high.size, dtype=np.int64)
    largest = 2 * total / float(wanted[high > 0].min())
    level = brentq(lambda level: float(np.clip(level * wanted, low, high).sum()) - total, 0, largest, maxiter=1000)
    exact = np.clip(level * wanted, low, high)
    # A level found to twelve digits can leave a whole number just below itself; its remainder is then the largest.
    shares: Whole = np.floor(exact).astype(np.int64)
    while shares.sum() < total:
        shares[np.where(shares < high, exact - shares, -np.inf).argmax()] += 1
    return shares


def expected_positives(sizes: Whole, log_odds: Floats, *, positives: int) -> Floats:
    """Positive patients of each site, not yet whole, whose log odds differ as given; together `positives`."""
    share = positives / int(sizes.sum())
    if share in (0, 1):
        return np.asarray(sizes * share)
    reach = float(np.abs(log_odds).max()) + 1
    level = brentq(
        lambda level: float((sizes * expit(level + log_odds)).sum()) - positives,
        float(logit(share)) - reach,
        float(logit(share)) + reach,
    )
    return np.asarray(sizes * expit(level + log_odds))


def class_counts(division: str, traits: Traits, *, patients: int, positives: int) -> tuple[Whole, Whole]:
    """Negative and positive patients of a division at each site.

    StudyError when a labelled division has too few of a class for the sites, or the immunotherapy cohort too few
    patients; low-quality patients, who are excluded anyway, go as far as they go.
    """
    sites, both = traits.shares.size, division in LABELLED
    least = 2 if both else int(division == "immunotherapy")
    if patients < least * sites or (both and min(positives, patients - positives) < sites):
        raise StudyError(
            f"synthetic.{division} = {patients} gives {positives} positive and {patients - positives} negative "
            f"patients, each of the {sites} sites needs one{' of both' if both else ''}; "
            f"raise synthetic.{division} or lower synthetic.sites.count"
        )
    sizes = apportion(traits.shares, total=patients, low=least, high=np.full(sites, patients))
    expected = expected_positives(sizes, traits.log_odds, positives=positives)
    high = apportion(expected, total=positives, low=int(both), high=sizes - int(both))
    return sizes - high, high


def deal(gaps: NDArray[np.bool_], places: Whole, rates: Floats, rng: np.random.Generator) -> Whole:
    """The site of each of some patients, `places` at each site; those with gaps go where the rates are high."""
    with_gaps = apportion(places * rates, total=int(gaps.sum()), low=0, high=places)
    sites = np.empty(gaps.size, dtype=np.int64)
    for members, counts in ((gaps, with_gaps), (~gaps, places - with_gaps)):
        sites[members] = rng.permutation(np.repeat(np.arange(places.size), counts))
    return sites


def assign_sites(
    divisions: Whole, positive: NDArray[np.bool_], gaps: NDArray[np.bool_], traits: Traits, *, seed: int
) -> Whole:
    """The site of each patient, by division and class; `gaps` says who has an unknown value.

    A patient is moved, never a value: all sites together are the undivided cohort. StudyError as in `class_counts`.
    """
    sites = np.empty(divisions.size, dtype=np.int64)
    for number in np.unique(divisions):
        members = divisions == number
        rng = generator(seed, Stream.SITE_MEMBERS, int(number))
        positives = int(positive[members].sum())
        counts = class_counts(DIVISIONS[number], traits, patients=int(members.sum()), positives=positives)
        for label, places in enumerate(counts):
            chosen = np.flatnonzero(members & (positive == bool(label)))
            sites[chosen] = deal(gaps[chosen], places, traits.unknown_rates, rng)
    return sites
