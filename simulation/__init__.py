"""The synthetic cohort and the paper reproduced beside its published numbers."""
