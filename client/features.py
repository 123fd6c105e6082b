"""The features of all patients of a site: what stands behind `pdl1es-site features`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.check import everyone_in_quarantine, image_files, quarantine_records
from client.cluster import check_cluster
from client.cohort import read_cohort
from client.extraction import Extraction, extract_cohort, write_features
from client.quarantine import Quarantined
from client.site import Site
from common.paper_settings import PAPER_PATCHES, PAPER_RADIOMICS, PAPER_RESAMPLING
from common.study import Study


@dataclass(frozen=True)
class SiteFeatures:
    """What was extracted at a site, and everyone in quarantine, those of the table too."""

    extraction: Extraction
    quarantined: tuple[Quarantined, ...]
    patients: int
    seconds: float


def features_file(site: Site) -> Path:
    """Where a site's features lie."""
    return site.cache / "features.parquet"


def site_features(site: Site, study: Study | None, *, jobs: int, cluster: str | None = None) -> SiteFeatures:
    """Compute or reuse the features of every readable patient and write them, with the study's or the paper's settings.

    `cluster` is the address of a Ray cluster to compute on. Exclusion rules and labels do not matter here. When no
    patient could be computed, an older table is removed, so that it is not taken for this one.
    """
    start = time.perf_counter()
    if cluster is not None:
        check_cluster(cluster)
    cohort = read_cohort(site)
    extraction = extract_cohort(
        image_files(site, cohort),
        resampling=study.resampling if study else PAPER_RESAMPLING,
        patches=study.patches if study else PAPER_PATCHES,
        radiomics=study.radiomics if study else PAPER_RADIOMICS,
        cache=site.cache,
        jobs=jobs,
        cluster=cluster,
        with_patches=False,
    )
    if len(extraction.features):
        write_features(extraction, features_file(site))
    else:
        features_file(site).unlink(missing_ok=True)
    quarantined = everyone_in_quarantine(cohort, extraction.quarantined)
    patients = len(cohort.patients) + len(cohort.quarantined)
    return SiteFeatures(extraction, quarantined, patients, time.perf_counter() - start)


def features_results(site: Site, done: SiteFeatures) -> dict[str, Any]:
    """The machine's version of a run."""
    extraction = done.extraction
    return {
        "site": site.name,
        "n": len(extraction.features),
        "features": extraction.features.shape[1],
        "computed": extraction.computed,
        "reused": extraction.reused,
        "seconds": round(done.seconds, 3),
        "settings_sha256": extraction.recipe.sha256,
        "quarantined": quarantine_records(done.quarantined),
        "not_computed": [
            {"patient_id": one.patient_id, "feature": one.feature, "reason": one.reason}
            for one in extraction.not_computed
        ],
    }
