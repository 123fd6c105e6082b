"""A synthetic cohort on disk, exactly as a hospital has one: the paper's counts, CT with tumours, and a known truth."""

from simulation.cohort.latents import ideal_observers
from simulation.cohort.sites import draw_sites, make_sites
from simulation.cohort.table import draw_cohort, scaled
from simulation.cohort.volume import make_scan
from simulation.cohort.writer import make_site

__all__ = ["draw_cohort", "draw_sites", "ideal_observers", "make_scan", "make_site", "make_sites", "scaled"]
