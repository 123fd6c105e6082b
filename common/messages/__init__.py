"""The typed records that may cross the wall between a site and the aggregation server, and nothing else."""

from common.messages.answers import (
    AloneReply,
    CorrelationReply,
    DescribeReply,
    EvaluationReply,
    RanksReply,
    StatisticsReply,
    SurvivalReply,
    TrainingReply,
)
from common.messages.catalogue import CATALOGUE, message_type
from common.messages.envelope import decode, encode, encode_fault, message_bytes
from common.messages.fault import Fault, fault_of
from common.messages.questions import (
    AloneRequest,
    CorrelationRequest,
    DescribeRequest,
    EvaluationRequest,
    RanksRequest,
    StatisticsRequest,
    SurvivalRequest,
    TrainingRequest,
)
from common.messages.record import Arrays, Letter, Record, Reply, Request
from common.messages.shared import ColumnScaling, Preparation
from common.phases import Phase

__all__ = [
    "CATALOGUE",
    "AloneReply",
    "AloneRequest",
    "Arrays",
    "ColumnScaling",
    "CorrelationReply",
    "CorrelationRequest",
    "DescribeReply",
    "DescribeRequest",
    "EvaluationReply",
    "EvaluationRequest",
    "Fault",
    "Letter",
    "Phase",
    "Preparation",
    "RanksReply",
    "RanksRequest",
    "Record",
    "Reply",
    "Request",
    "StatisticsReply",
    "StatisticsRequest",
    "SurvivalReply",
    "SurvivalRequest",
    "TrainingReply",
    "TrainingRequest",
    "decode",
    "encode",
    "encode_fault",
    "fault_of",
    "message_bytes",
    "message_type",
]
