"""What both sides of the wall agree on: the study file, the network, the sealed signature and the statistics."""
