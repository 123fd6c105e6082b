"""What a site lets go to an aggregation server, whatever a study asks: the table [policy] of site.toml."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Annotated, get_args

from pydantic import BaseModel, ConfigDict, Field

from common.phases import Phase
from common.site_kit import Sha256
from common.study import Study

PHASES: tuple[Phase, ...] = get_args(Phase)


class Policy(BaseModel):
    """The site's own rules; no key of a study can change them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allowed_phases: Annotated[tuple[Phase, ...], Field(min_length=1)] = PHASES
    """Phases that are answered."""
    minimum_count: Annotated[int, Field(ge=1, le=10_000)] = 10
    """No statistic over fewer patients leaves."""
    maximum_epsilon: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Largest privacy loss of a study whose weights leave; left out, weights leave without differential privacy."""
    share_site_metrics: bool = True
    """Whether this site's own losses, AUC, summaries of scores and hazard ratios may leave."""
    share_survival_curves: bool = True
    """Whether counts in intervals of 30 days or longer may leave."""
    require_tls: bool = True
    """Only messages that came through `pdl1es-site join`, which speaks TLS only, are answered."""
    allowed_servers: tuple[Sha256, ...] = ()
    """SHA-256 of the CAs whose servers are answered; empty: the one that this site enrolled with."""

    @property
    def least_of_class(self) -> int:
        """Fewest patients of a class, or with an event."""
        return max(2, self.minimum_count // 5)

    @property
    def sha256(self) -> str:
        """SHA-256 of the rules as canonical JSON; another value is another policy."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def promised_epsilon(study: Study) -> float:
    """Privacy loss that a study promises a site's training patients: infinite without differential privacy."""
    return math.inf if study.privacy is None else study.privacy.epsilon
