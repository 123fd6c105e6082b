"""The server's side of secure aggregation: five exchanges, and of them all the sum over the sites."""

from server.secure_aggregation.sitting import Summed, masked_sum

__all__ = ["Summed", "masked_sum"]
