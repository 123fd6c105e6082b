"""The phases of a federated study, in their order."""
