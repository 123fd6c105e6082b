"""results/import/results.json: the machine's version of an import, without ids of the hospital, names or paths."""

from __future__ import annotations

from typing import Any

from client.intake.asked import Asked
from client.intake.ledger import INTAKE_VERSION
from client.intake.outcome import Outcome
from client.site import Site


def import_results(site: Site, asked: Asked, outcome: Outcome) -> dict[str, Any]:
    """Counts, reasons and settings; patients by pseudonym, rows those of the spreadsheet."""
    return {
        "site": site.name,
        "files": outcome.files,
        "patients": {
            "in_files": outcome.tree_patients,
            "in_table": outcome.table_patients,
            "new": len(outcome.new),
            "changed": len(outcome.changed),
            "unchanged": len(outcome.unchanged),
            "rows_brought_up_to_date": outcome.refreshed,
            "quarantined": len(outcome.left_out),
            "without_row": len(outcome.without_row),
            "without_ct": len(outcome.without_ct),
            "no_longer_in_files": len(outcome.vanished),
            "in_cohort": outcome.in_cohort,
        },
        "changed": _counts(outcome.changed.values()),
        "quarantined": [
            {"patient_id": one.pseudonym, "row": one.row, "reason": one.reason, "kept_from_before": one.kept}
            for one in sorted(outcome.left_out, key=lambda one: one.pseudonym)
        ],
        "ignored_files": dict(sorted(outcome.ignored.items())),
        "notes": dict(sorted(outcome.notes.items())),
        "settings": {
            "roi": asked.roi,
            "patient_from": asked.patient_from,
            "map": dict(asked.maps),
            "value": {column: dict(words) for column, words in asked.values.items()},
            "intake_version": INTAKE_VERSION,
        },
        "seconds": round(outcome.seconds, 3),
    }


def _counts(words: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for word in words:
        found[word] = found.get(word, 0) + 1
    return found
