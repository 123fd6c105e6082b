"""Reports: results.json as one self-contained HTML file, for a hospital and for a run."""

from common.report.page import Beside, write_page
from common.report.sections import CLOSING, SECTIONS, Section
from common.report.view_summary import Summary
from common.report.words import DIVISION_NAMES, MODEL_NAMES

__all__ = ["CLOSING", "DIVISION_NAMES", "MODEL_NAMES", "SECTIONS", "Beside", "Section", "Summary", "write_page"]
