"""The synthetic cohort divided over sites that differ, a site folder each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.errors import StudyError
from common.study import Study
from simulation.cohort.site_members import assign_sites
from simulation.cohort.site_traits import draw_traits
from simulation.cohort.table import Cohort, draw_patients, with_scans
from simulation.cohort.writer import synthetic_part, write_sites


def numbered_names(count: int) -> tuple[str, ...]:
    """site-1, site-2 and so on."""
    return tuple(f"site-{number}" for number in range(1, count + 1))


def site_names(study: Study, *, count: int) -> tuple[str, ...]:
    """The federation's roster when it has as many names, else site-1 and so on."""
    if study.federation is not None and len(study.federation.roster) == count:
        return study.federation.roster
    return numbered_names(count)


def draw_sites(study: Study) -> dict[str, Cohort]:
    """The cohort of each site, the largest first; all together they have the patients of the undivided cohort.

    A patient's number, and with it the patient's id, clinical values, latents and anatomy, is that of the undivided
    cohort; only how the CT was taken is the site's. StudyError when the study has no [synthetic.sites] or too few
    patients for them.
    """
    synthetic = synthetic_part(study)
    if synthetic.sites is None:
        raise StudyError(f"study {study.name} has no [synthetic.sites] table, its cohort has one site; add the table")
    traits = draw_traits(synthetic.sites, seed=study.seed)
    patients = draw_patients(study, synthetic)
    positive = patients.table["tps"].to_numpy(dtype=float) >= study.cohort.label_tps
    gaps = (patients.table[["smoking", "family_history"]] == "").any(axis=1).to_numpy()
    sites = assign_sites(patients.divisions, positive, gaps, traits, seed=study.seed)
    cohort = with_scans(patients, study, [traits.scanners[site] for site in sites])
    names = site_names(study, count=synthetic.sites.count)
    return {name: _part(cohort, np.flatnonzero(sites == number)) for number, name in enumerate(names)}


def _part(cohort: Cohort, places: NDArray[np.int64]) -> Cohort:
    return Cohort(cohort.table.iloc[places].reset_index(drop=True), tuple(cohort.subjects[place] for place in places))


def make_sites(study: Study, folder: Path, *, jobs: int, resume: bool = False) -> dict[str, Path]:
    """Write the site folder of each site under `folder`, by the site's name; the folders come back by their names.

    Bytes, resuming and errors are those of `make_site`, and StudyError as in `draw_sites`.
    """
    cohorts = draw_sites(study)
    folders = {name: folder / name for name in cohorts}
    sites = {name: (folders[name], cohort) for name, cohort in cohorts.items()}
    write_sites(sites, study, synthetic_part(study), jobs=jobs, resume=resume, threads=1)
    return folders
