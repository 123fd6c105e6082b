"""Many sites on one machine, and what federation costs in accuracy."""
