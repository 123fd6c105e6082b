"""How cost grows: with patients beyond their radiomics, with the size of a tumour, and with the sites."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from common import atomic
from tests.benchmarks.growth.curve import Curve, growth_table
from tests.benchmarks.growth.patients import patient_curves
from tests.benchmarks.growth.picture import growth_svg
from tests.benchmarks.growth.sites import site_curves
from tests.benchmarks.growth.tumours import tumour_curves
from tests.benchmarks.page import PAGE
from tests.benchmarks.table import Table

Say = Callable[[str], None]


def growth(quick: bool, say: Say) -> list[Table]:
    """Three tables, each with its picture beside the page unless `quick`."""
    return [_patients(quick, say), _tumours(quick, say), _sites(quick, say)]


def _patients(quick: bool, say: Say) -> Table:
    curves = patient_curves((30, 60, 120) if quick else (100, 300, 1000, 3000, 10_000), 1 if quick else 3, say)
    picture = _drawn("growth-patients.svg", curves, of="patients", cost="seconds", quick=quick)
    notes = [
        "One process of one thread; features and patches lie in the site's cache, patches of 32 pixels; images are a "
        "few bytes, so that reading and resampling, which are the same for every patient, are not in it.",
        "By their nature more than linear: imputation compares each patient who lacks a value with each training "
        "patient; the search for patients twice multiplies short sketches of all pairs and compares in full only what "
        "comes near; rank tests sort. What outgrows the processor's cache shows as well.",
    ]
    return growth_table("Patients", "patients", curves, notes, picture=picture)


def _tumours(quick: bool, say: Say) -> Table:
    sizes = (500, 1000, 2000) if quick else (1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
    curves = tumour_curves(sizes, 1 if quick else 3, say)
    picture = _drawn("growth-tumours.svg", curves, of="voxels of 1 mm", cost="seconds", quick=quick)
    notes = [
        "One thread; made-up ellipsoids in noise, voxels of 0.9 x 0.9 x 1.5 mm; from the CT in memory to the values."
    ]
    return growth_table("Voxels of a tumour", "voxels", curves, notes, picture=picture)


def _sites(quick: bool, say: Say) -> Table:
    curves, weights = site_curves((2, 3, 4) if quick else (2, 4, 8, 16, 32, 64), 2 if quick else 5, say)
    drawn = [Curve(f"{one.name} ({one.unit})", one.unit, one.costs) for one in curves]
    picture = _drawn("growth-sites.svg", drawn, of="sites", cost="seconds, or MB", quick=quick)
    notes = [
        f"Training rounds with {weights:,} numbers as weights; the sites are in the server's process and give the "
        "weights back, so a round is the server's work and the sites' reading and writing of messages.",
        "Memory: VmHWM of the rounds less VmRSS before them; what the sites hold at a time is in it.",
    ]
    return growth_table("Sites of a round", "sites", curves, notes, picture=picture)


def _drawn(file: str, curves: Sequence[Curve], *, of: str, cost: str, quick: bool) -> str:
    """Write a picture and say where, as the page names it; nothing when quick."""
    if quick:
        return ""
    path = PAGE.parent / "pictures" / file
    path.parent.mkdir(exist_ok=True)
    atomic.write_text(path, growth_svg(curves, of=of, cost=cost))
    return f"{path.parent.name}/{file}"
