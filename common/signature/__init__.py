"""The sealed signature: weights, description, model card and the signer's word, in a folder of four files."""

from common.signature.card import Area, DivisionSize, HazardRatio, ModelCard, NotKnown, Performance
from common.signature.description import Description, SealedScaling, SealedSettings
from common.signature.files import CARD_FILE, DESCRIPTION_FILE, SIGNED_FILE, WEIGHTS_FILE
from common.signature.opening import Opened, open_signature, signer_of, signer_sentence
from common.signature.sealing import seal

__all__ = [
    "CARD_FILE",
    "DESCRIPTION_FILE",
    "SIGNED_FILE",
    "WEIGHTS_FILE",
    "Area",
    "Description",
    "DivisionSize",
    "HazardRatio",
    "ModelCard",
    "NotKnown",
    "Opened",
    "Performance",
    "SealedScaling",
    "SealedSettings",
    "open_signature",
    "seal",
    "signer_of",
    "signer_sentence",
]
