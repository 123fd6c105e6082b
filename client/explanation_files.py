"""The files that `pdl1es-site explain` leaves."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass
from pathlib import Path

from client.explanation import explain_patient
from client.explanation_page import write_page
from client.explanation_picture import explanation_picture, in_words
from client.explanation_results import explanation_results
from client.models import choose_device
from client.scoring import score_patients
from client.site import Site
from common import atomic
from common.parallel import cores

LONGEST_NAME = 80


@dataclass(frozen=True)
class Written:
    """Where the files are, the patient's score in words, and what makes it doubtful."""

    folder: Path
    sentence: str
    warnings: tuple[str, ...]


def write_explanation(
    site: Site, signature: Path, patient_id: str, *, device: str, trusted: str | None = None
) -> Written:
    """Score and explain a patient; write picture, numbers and page to the site's results.

    `trusted` is the fingerprint of the key that must have signed. SignatureError when the signature cannot be used,
    DataError when the patient is unknown or in quarantine.
    """
    start = time.perf_counter()
    scored = score_patients(
        site, signature, patients=[patient_id], jobs=cores(), device=choose_device(device), trusted=trusted
    )
    explanation = explain_patient(site, scored, patient_id)
    picture = explanation_picture([explanation])
    results = explanation_results(site, scored, patient_id, explanation, seconds=time.perf_counter() - start)
    target = site.results / "explain" / folder_name(patient_id)
    atomic.write_bytes(target / results["picture"], picture)
    atomic.write_json(target / "results.json", results)
    write_page(results, picture, target / "report.html")
    return Written(target, f"{in_words(explanation)} {explanation.synthetic}".rstrip(), tuple(results["warnings"]))


def folder_name(patient_id: str) -> str:
    """A name for a patient's folder, the id itself where it is safe; different ids never share one."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", patient_id)[:LONGEST_NAME]
    if safe == patient_id and not safe.startswith("."):
        return safe
    return f"{safe.lstrip('.')}-{hashlib.sha256(patient_id.encode()).hexdigest()[:8]}"
