"""Under which names a site remembers a sum that it helped to uncover; two questions of one name have one answer."""

from __future__ import annotations

import hashlib

from common.messages import Arrays, TrainingRequest
from common.messages.masking import Question, array_bytes

_VALIDATED = {"preparation"}
_TRAINED = _VALIDATED | {"stage", "first_epoch", "epochs"}
"""What an answer depends on beside the weights; the number of a round changes nothing in a new run."""


def sum_names(question: Question, arrays: Arrays, *, run: str) -> tuple[str, ...]:
    """The place of a question in the study or run, and hashes of all that its answer depends on.

    Under one name a site helps to uncover the sum over one list of sites only.
    """
    if not isinstance(question, TrainingRequest):
        # products under another scaling are the same but for arithmetic
        return (f"{question.kind} of study {question.study_sha256}",)
    names = [f"training of run {run}, stage {question.stage}, round {question.round}"]
    if question.epochs:
        names.append(f"weights {_sha256(question, arrays, _TRAINED)}")
    if question.validate_weights:
        names.append(f"validation {_sha256(question, arrays, _VALIDATED)}")
    return tuple(names)


def _sha256(question: TrainingRequest, arrays: Arrays, fields: set[str]) -> str:
    asked = question.model_dump_json(include=fields | {"study_sha256"})
    return hashlib.sha256(asked.encode() + array_bytes(arrays)).hexdigest()
