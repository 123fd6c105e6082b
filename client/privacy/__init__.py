"""Differential privacy at a site: what is spent, what hides a patient, and training under it."""
