"""Counts too small to tell are withheld, and said to be."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from common.errors import DataError


@dataclass
class Guard:
    """Keeps the site's smallest count that may be told, and what was withheld for it."""

    minimum_count: int
    withheld: list[str] = field(default_factory=list)

    def allows(self, count: int, what: str) -> bool:
        """Whether a statistic over this many patients may leave; if not, that is noted."""
        if count >= self.minimum_count:
            return True
        self.withheld.append(f"{what}: fewer than {self.minimum_count} patients")
        return False

    def require(self, count: int, what: str) -> None:
        """DataError unless what is computed over this many patients may leave."""
        if not self.allows(count, what):
            raise DataError(
                f"{count} {what} patients: nothing over fewer than {self.minimum_count} may leave this site; "
                "lower policy.minimum_count in site.toml, or take no part"
            )

    @property
    def least_of_class(self) -> int:
        """Fewest patients of a class, of a group or with an event."""
        return max(2, self.minimum_count // 5)

    def allows_classes(self, labels: np.ndarray, what: str) -> bool:
        """Whether a comparison of the two classes may leave: of a class of one it would tell that patient's rank."""
        least = self.least_of_class
        smaller = int(min((labels == 1).sum(), (labels == 0).sum()))
        if len(labels) >= self.minimum_count and smaller < least:
            self.forbids(what, f"fewer than {least} patients of a class")
            return False
        return self.allows(len(labels), what)

    def forbids(self, what: str, why: str) -> None:
        """Note what is withheld for another reason."""
        self.withheld.append(f"{what}: {why}")

    def notes(self) -> tuple[str, ...]:
        """What was withheld, for the reply."""
        return tuple(self.withheld)
