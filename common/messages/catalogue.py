"""Every kind of request with the answer it gets, and its name on Flower's wire."""

from __future__ import annotations

from common.messages import answers, masking, questions
from common.messages.record import Reply, Request

CATALOGUE: dict[type[Request], type[Reply]] = {
    questions.DescribeRequest: answers.DescribeReply,
    questions.StatisticsRequest: answers.StatisticsReply,
    questions.RanksRequest: answers.RanksReply,
    questions.CorrelationRequest: answers.CorrelationReply,
    questions.TrainingRequest: answers.TrainingReply,
    questions.AloneRequest: answers.AloneReply,
    questions.EvaluationRequest: answers.EvaluationReply,
    questions.SurvivalRequest: answers.SurvivalReply,
    masking.KeysRequest: masking.KeysReply,
    masking.SharesRequest: masking.SharesReply,
    masking.MaskedRequest: masking.MaskedReply,
    masking.ConfirmRequest: masking.ConfirmReply,
    masking.UncoverRequest: masking.UncoverReply,
}


def message_type(request: type[Request]) -> str:
    """Flower's message type of a request: its category and our kind."""
    return f"query.{request.kind}"
