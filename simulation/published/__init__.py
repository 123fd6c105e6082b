"""What the paper reports, number by number, each with its place in the paper and where a run's results hold the same.

Tian, He, Mu et al., Theranostics 2021; 11(5): 2098-2107, doi:10.7150/thno.48027 (CC BY).
"""

from simulation.published.cohort import COHORT
from simulation.published.cox import CHARACTERISTICS
from simulation.published.discrimination import DISCRIMINATION, DIVIDED_ANEW
from simulation.published.record import Published
from simulation.published.survival import CLINICAL_MODEL, COMBINED_MODEL, PDL1ES

__all__ = ["CITATION", "DOI", "GROUPS", "PUBLISHED", "Published"]

CITATION = "Tian, He, Mu et al., Theranostics 2021; 11(5): 2098-2107"
DOI = "10.7150/thno.48027"
GROUPS: dict[str, tuple[Published, ...]] = {
    "Discrimination": DISCRIMINATION,
    "Re-divisions": DIVIDED_ANEW,
    "PD-L1ES under immunotherapy": PDL1ES,
    "Clinical model under immunotherapy": CLINICAL_MODEL,
    "PD-L1ES with the clinical model": COMBINED_MODEL,
    "Clinical characteristics": CHARACTERISTICS,
    "Patients": COHORT,
}
PUBLISHED = tuple(number for numbers in GROUPS.values() for number in numbers)
