"""Sums over sites of which nobody sees a single site's part (Bonawitz et al. 2017, doi:10.1145/3133956.3133982)."""

from common.secure_aggregation.fixed_point import (
    CHANGE_BITS,
    LARGEST_CHANGE,
    STATISTICS,
    SUMS,
    Ring,
    decode_changes,
    encode_changes,
)
from common.secure_aggregation.keys import Circumstances, KeyPair, agreed_key, derived_key, new_key_pair
from common.secure_aggregation.masks import Vector, add, mask, subtract
from common.secure_aggregation.sealing import open_sealed, seal
from common.secure_aggregation.sharing import combine_shares, split_secret
from common.secure_aggregation.threshold import FEWEST_SITES, threshold

__all__ = [
    "CHANGE_BITS",
    "FEWEST_SITES",
    "LARGEST_CHANGE",
    "STATISTICS",
    "SUMS",
    "Circumstances",
    "KeyPair",
    "Ring",
    "Vector",
    "add",
    "agreed_key",
    "combine_shares",
    "decode_changes",
    "derived_key",
    "encode_changes",
    "mask",
    "new_key_pair",
    "open_sealed",
    "seal",
    "split_secret",
    "subtract",
    "threshold",
]
