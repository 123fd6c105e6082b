"""The one network of a federated study, the same at the server and at every site."""

from __future__ import annotations

from common.messages.shared import Preparation
from common.network import FusionNetwork, Parts, build_network
from common.seeds import derive_seed
from common.study import Study
from common.weights import Layout, layout_of

MODEL = "pdl1es"


def federated_seed(study: Study) -> int:
    """The seed of the training, the one that a single site has."""
    return derive_seed(study.seed, "training", MODEL)


def federated_parts(preparation: Preparation) -> Parts:
    """What the network sees."""
    return Parts(patches=True, radiomics=len(preparation.radiomic_features), clinical=len(preparation.clinical.mean))


def federated_network(study: Study, preparation: Preparation) -> FusionNetwork:
    """The network with its first weights, which depend on the study's seed alone."""
    return build_network(federated_parts(preparation), study.network, seed=federated_seed(study))


def federated_layout(network: FusionNetwork, study: Study) -> Layout:
    """What of it travels; with fedbn the BatchNorm layers stay at the sites."""
    local = study.federation is not None and study.federation.aggregation == "fedbn"
    return layout_of(network, local_batch_norm=local)
