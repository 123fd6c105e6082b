"""The errors a person can act on; each carries the exit code of the command that meets it."""

from __future__ import annotations


class Pdl1esError(Exception):
    """What was given, the rule it breaks and the remedy, in one line."""

    exit_code = 1


class DataError(Pdl1esError):
    """A table, an image or a folder of a site does not meet its contract."""


class StudyError(Pdl1esError):
    """A study file has an unknown key, an impossible value, or is not the one that was agreed on."""


class ApprovalError(StudyError):
    """A site has not approved the study, or another one."""


class PolicyError(DataError):
    """A site's own policy does not let something leave."""


class TrailError(DataError):
    """A site's audit trail is broken or cannot be written, so that nothing leaves."""


class BudgetError(DataError):
    """A site's training patients would lose more privacy than the study promised them."""


class LedgerError(DataError):
    """A site's privacy ledger is lost, altered or rolled back, so that what was spent is not known."""


class SignatureError(Pdl1esError):
    """A sealed signature was altered, or does not fit this code or these settings."""


class UsageError(Pdl1esError):
    """A command was called in a way that cannot work."""

    exit_code = 2


class PeerError(Pdl1esError):
    """Another side of a federation, or the network between, does not do what was agreed."""

    exit_code = 3


class SpentError(PeerError):
    """Sites answer no more, because what a study may cost their patients' privacy is spent."""
