"""Whose keys are these? A site signs its keys of a sitting, and checks those of sites whose own key it was given."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from client.federation_folder import FederationFolder
from client.site import Site
from common.errors import DataError, PeerError
from common.messages.masking import Participant
from common.secure_aggregation import Circumstances

PEERS = "peers"
"""Folder beside the site's own key with NAME.pub of the other sites, each received from that site itself."""
_ALGORITHM = ec.ECDSA(hashes.SHA384())


def signature_of(site: Site, circumstances: Circumstances, *, cipher_key: str, mask_key: str) -> str | None:
    """Signature of the site's own key over its keys of a sitting, in hexadecimal; None where it is not enrolled."""
    path = FederationFolder(site.folder).key
    if not path.is_file():
        return None
    try:
        key = serialization.load_ssh_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: is no key in OpenSSH's form; enroll again, or bring it back") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise DataError(f"{path}: is no ECDSA key; enroll again: pdl1es-site enroll --new-key")
    return key.sign(_signed(circumstances, site.name, cipher_key, mask_key), _ALGORITHM).hex()


def check_signatures(site: Site, circumstances: Circumstances, participants: tuple[Participant, ...]) -> None:
    """PeerError for keys that are not signed by their site, where this site has a folder of the others' keys.

    Without that folder the server is trusted to hand on the keys that it got.
    """
    folder = FederationFolder(site.folder).folder / PEERS
    if not folder.is_dir():
        return
    for participant in participants:
        if participant.site != site.name:
            _check(folder / f"{participant.site}.pub", participant, circumstances)


def _check(path: Path, participant: Participant, circumstances: Circumstances) -> None:
    try:
        key = serialization.load_ssh_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise DataError(
            f"{path}: is no public key in OpenSSH's form; ask {participant.site} for its NAME.pub"
        ) from error
    text = _signed(circumstances, participant.site, participant.cipher_key, participant.mask_key)
    try:
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise DataError(f"{path}: is no ECDSA key; ask {participant.site} for its NAME.pub again")
        key.verify(bytes.fromhex(participant.signature or ""), text, _ALGORITHM)
    except (InvalidSignature, ValueError) as error:
        raise PeerError(
            f"the keys of {participant.site} are not signed with its own key; the exchange is refused"
        ) from error


def _signed(circumstances: Circumstances, site: str, cipher_key: str, mask_key: str) -> bytes:
    return circumstances.label("keys", site, cipher_key, mask_key)
