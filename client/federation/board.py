"""A site's own view of a federated training, for TensorBoard."""

from __future__ import annotations

import logging
from collections.abc import Callable

from client.federation.training import Round
from client.site import Site

log = logging.getLogger("pdl1es.site")


def for_own_eyes(write: Callable[..., None], *arguments: object, **keywords: object) -> None:
    """Write something that only this site reads; when that fails the site's log says so, and the study goes on."""
    try:
        write(*arguments, **keywords)
    except Exception:
        log.exception("%s failed; the study goes on without it", write.__name__)


def write_scalars(site: Site, number: int, done: Round) -> None:
    """Loss of a round, and of the weights it began with, under results/federation/tensorboard."""
    # takes a second to import, which messages of other kinds need not wait for
    from torch.utils.tensorboard import SummaryWriter

    values = {"loss": done.loss}
    if (judged := done.validation) is not None and judged.slices:
        values["validation_loss"] = judged.loss_sum / judged.slices
        values["validation_auc"] = judged.concordant_pairs / judged.pairs if judged.pairs else None
    with SummaryWriter(str(site.results / "federation" / "tensorboard")) as board:
        for name, value in values.items():
            if value is not None:
                board.add_scalar(name, value, number)
