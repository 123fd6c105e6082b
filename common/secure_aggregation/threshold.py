"""How many sites must stay so that a sum can be uncovered."""

from __future__ import annotations

import math

from common.errors import PeerError

FEWEST_SITES = 3
"""Of a sum over two, each learns the other's part."""


def threshold(sites: int, *, share: float) -> int:
    """Sites whose help uncovers a sum over so many: the share, and always more than half.

    Fewer learn nothing together; PeerError below three sites.
    """
    if sites < FEWEST_SITES:
        raise PeerError(
            f"secure aggregation over {sites} site(s): of fewer than {FEWEST_SITES} a sum gives single sites away; "
            "wait until more are connected"
        )
    return max(sites // 2 + 1, math.ceil(share * sites - 1e-9))
