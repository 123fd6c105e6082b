"""What a node of a Ray cluster does with one patient: see that it is fit for it, and compute."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import SimpleITK as sitk

from client.extraction_cache import Record, record_key
from client.extraction_task import Refusal, Task, compute
from common.code_hash import code_sha256


@dataclass(frozen=True)
class Unfit:
    """Why a node cannot take part: not the patient's fault, and a person has to mend it."""

    node: str
    reason: str


def compute_on_node(task: Task, code: str) -> Record | Refusal | Unfit:
    """Compute one patient on this machine when its code and what it sees of the files are the run's; raises nothing.

    `code` is the run's `code_sha256`. The name of the record says which content, settings and versions are meant.
    """
    node = socket.gethostname()
    if code_sha256() != code:
        return Unfit(node, "runs other code than this machine; install the same pdl1es on both")
    try:
        key = record_key(task.image, task.mask, task.recipe)
    except OSError as error:
        return Unfit(
            node,
            f"cannot read {error.filename or task.image} ({error.strerror}); "
            "mount the site's folder there under the path it has here, for the user that runs Ray",
        )
    if key != task.target.stem:
        return Unfit(
            node,
            f"has other files at {task.image.parent}, or another PyRadiomics or SimpleITK, than this machine; "
            "give both the same folder and the same versions",
        )
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    return compute(task)
