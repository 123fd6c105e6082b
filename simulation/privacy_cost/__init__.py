"""What differential privacy costs in accuracy, and what it takes from an attacker, on the synthetic cohort."""
