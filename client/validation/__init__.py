"""External validation of a sealed signature: everything is judged, nothing is fitted."""
