"""The report of a federated study: results.json of the aggregation server as one self-contained HTML file."""

from server.report.study_report import TEMPLATES, write_study_report

__all__ = ["TEMPLATES", "write_study_report"]
