"""Whether a hospital knows the key that signed a signature: told on the command line, or by its federation's kit."""

from __future__ import annotations

from client.federation_folder import FederationFolder
from client.scoring import Signature
from client.site import Site
from common.signature import signer_sentence
from common.signing_key import key_fingerprint, read_public_key


def is_trusted(site: Site, signature: Signature) -> bool:
    """Whether the signer is the one said to be trusted, or the one of the study that the site enrolled in."""
    enrolled = FederationFolder(site.folder).signer
    known = key_fingerprint(read_public_key(enrolled)) if enrolled.is_file() else None
    return signature.trusted or signature.signer == known


def who_signed(site: Site, signature: Signature) -> str:
    """Who signed, for people."""
    return signer_sentence(signature.signer, trusted=is_trusted(site, signature))
