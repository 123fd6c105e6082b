"""Everything that touches a patient; it runs inside a hospital only."""
