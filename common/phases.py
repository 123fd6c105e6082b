"""The phases of a study: what a site may be asked, in the words of messages, policies and reports."""

from __future__ import annotations

from typing import Literal

Phase = Literal["describe", "statistics", "selection", "training", "evaluation", "survival", "masking"]
