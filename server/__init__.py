"""The aggregation side; it never sees a patient."""
