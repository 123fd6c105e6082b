"""A federated study from its first question to its sealed signature."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import atomic
from common.signing_key import (
    SIGNING_KEY,
    SIGNING_PUB,
    key_fingerprint,
    load_signing_key,
    signing_key,
    write_public_key,
)
from server.phases.describe import admit_latecomers, describe
from server.phases.evaluation import evaluate
from server.phases.preparation import selection, statistics
from server.phases.survival import survive
from server.phases.training import train
from server.report import write_study_report
from server.results import results
from server.sealing import seal_signature
from server.study_run import StudyRun

PHASES: tuple[tuple[str, Callable[[StudyRun], None]], ...] = (
    ("describe", describe),
    ("statistics", statistics),
    ("selection", selection),
    ("training", train),
    ("evaluation", evaluate),
    ("survival", survive),
)


def coordinate(run: StudyRun, out: Path, *, key: Path | None = None) -> dict[str, Any]:
    """Do every phase that is not done yet; writes signature/, results.json and report.html and returns the results.

    `key` seals; without one the run has its own, made once and kept in `out`. PeerError when the quorum is missing:
    what was done is kept, and a later call goes on. DataError at once when the key cannot be used.
    """
    signer = load_signing_key(key) if key else signing_key(out / SIGNING_KEY)
    run.facts.setdefault("runs", 0)
    run.facts["runs"] += 1
    # who differed may have been mended since
    run.facts["refused"] = {}
    for name, phase in PHASES:
        if not run.done(name):
            if run.done("describe"):
                admit_latecomers(run)
            phase(run)
    sealed = seal_signature(run, out / "signature", key=signer)
    content = results(run, sealed)
    atomic.write_json(out / "results.json", content)
    write_study_report(content, out / "report.html")
    if "not_computed" not in sealed:
        write_public_key(signer, out / SIGNING_PUB)
        fingerprint = key_fingerprint(signer.public_key().public_bytes_raw())
        run.live.tell("signed", f"Signed by {fingerprint}", fingerprint=fingerprint)
    run.live.tell("done", f"done: {out / 'results.json'}", out=str(out))
    return content
