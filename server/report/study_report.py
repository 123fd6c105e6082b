"""The page of a federated study, from the content of its results.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from common.report import Section, write_page
from common.report.parts import Results, look_up
from server.report.closing import CLOSING
from server.report.view_evaluation import evaluation_view
from server.report.view_exchange import exchange_view
from server.report.view_features import features_view
from server.report.view_privacy import privacy_view
from server.report.view_signature import signature_view
from server.report.view_sites import sites_view
from server.report.view_summary import study_summary
from server.report.view_survival import survival_view
from server.report.view_training import training_view

TEMPLATES = Path(__file__).parents[1] / "templates"
SECTIONS = (
    Section("sites", "The sites", sites_view),
    Section("features", "Radiomic features that were chosen", features_view, "Chosen features"),
    Section("training", "How the sites trained together", training_view, "Training"),
    Section("exchange", "What crossed the network", exchange_view, "Exchange"),
    Section("privacy", "What single patients are promised", privacy_view, "Privacy"),
    Section("evaluation", "Telling high from low PD-L1 expression", evaluation_view, "Evaluation"),
    Section("survival", "Progression under immunotherapy", survival_view, "Survival"),
    Section("signature", "The sealed signature", signature_view, "Signature"),
)


def write_study_report(
    results: Results, path: Path, *, extra: Sequence[Section] = (), templates: Sequence[Path] = ()
) -> None:
    """Write the report of a study, one self-contained HTML file; `extra` sections, with `templates`, come first."""
    write_page(
        results,
        path,
        title=f"Study {look_up(results, 'study.name') or 'without a name'}: one CT signature, trained together",
        sections=[*extra, *SECTIONS],
        templates=[*templates, TEMPLATES],
        summary=study_summary(results),
        closing=CLOSING,
    )
