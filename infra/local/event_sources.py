"""Lambda's event sources on SQS: which mappings AWS takes, how many invocations run side by side, what they delete."""

import json
import logging
import time

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc, sqs
from ministack.services.cloudformation import provisioners

MAPPING = "AWS::Lambda::EventSourceMapping"
FIFO_BATCH = 10
logger = logging.getLogger("event-sources")


class RefusedMappingError(ValueError):
    """AWS does not take such a mapping; the message says why."""


def fix_event_sources() -> None:
    """Puts these in the places of MiniStack's own, for the API and for templates."""
    creates, handlers = lambda_svc._create_esm, provisioners._RESOURCE_HANDLERS[MAPPING]
    from_template, updates = handlers["create"], handlers["update"]

    def create(data: dict):
        answer = creates(data)
        if answer[0] >= 300:
            return answer
        try:
            keep_if_taken(json.loads(answer[2])["UUID"])
        except RefusedMappingError as refused:
            return error_response_json("InvalidParameterValueException", str(refused), 400)
        return answer

    def create_from_template(*named):
        mapping_id, attributes = from_template(*named)
        keep_if_taken(mapping_id)
        return mapping_id, attributes

    def update_from_template(*named):
        mapping_id, attributes = updates(*named)
        check(lambda_svc._esms[mapping_id])
        return mapping_id, attributes

    lambda_svc._create_esm = create
    lambda_svc._sqs_esm_concurrency = concurrency
    lambda_svc._run_sqs_batch = run
    handlers.update(create=create_from_template, update=update_from_template)


def keep_if_taken(mapping_id: str) -> None:
    try:
        check(lambda_svc._esms[mapping_id])
    except RefusedMappingError:
        del lambda_svc._esms[mapping_id]
        raise


def check(mapping: dict) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
    queue = sqs._queue_by_arn(mapping["EventSourceArn"])
    if queue is None:
        return
    if queue["is_fifo"] and int(mapping["BatchSize"]) > FIFO_BATCH:
        raise RefusedMappingError(f"Batch size of a FIFO queue is at most {FIFO_BATCH}.")
    if queue["is_fifo"] and int(mapping["MaximumBatchingWindowInSeconds"]):
        raise RefusedMappingError("Batching window is not supported for FIFO queues.")
    at_once = (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency")
    if at_once is not None and not 2 <= int(at_once) <= 1000:
        raise RefusedMappingError(f"MaximumConcurrency {at_once} is not between 2 and 1000.")
    if at_once is not None:
        # A template's parameters are text; the API tells a number, and SDKs read no other.
        mapping["ScalingConfig"] = {"MaximumConcurrency": int(at_once)}
    _, config = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    visibility, timeout = int(queue["attributes"]["VisibilityTimeout"]), int((config or {}).get("Timeout", 0))
    if visibility < timeout:
        raise RefusedMappingError(
            f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
        )


def concurrency(mapping: dict, function: dict, config: dict, _queue: dict | None = None) -> int:
    """Of FIFO queues too: their groups keep the order."""
    limit = (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency") or lambda_svc._ESM_SQS_DEFAULT_CONCURRENCY
    reserved = lambda_svc._reserved_concurrency(function, config)
    return int(limit) if reserved is None else min(int(limit), reserved)


def run(mapping: dict, function: dict, event: dict, batch: list[dict], url: str, _name: str) -> None:
    """Invokes the function with a batch, and deletes of it what did not fail."""
    result = lambda_svc._execute_function(function, event)
    sent = {message["id"] for message in batch}
    stay = failed(result, sent, "ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", []))
    handles = {message["receipt_handle"] for message in batch if message["id"] not in stay}
    if handles:
        sqs._delete_messages_for_esm(url, handles)
    if stay == sent:
        logger.warning("%s failed a whole batch: %s", mapping["FunctionName"], str(result.get("body"))[:200])
        # Lambda slows down then, though not where it is told of items only.
        if result.get("error"):
            lambda_svc._esm_backoff_until[mapping["UUID"]] = time.time() + lambda_svc._ESM_BACKOFF_SECONDS


def failed(result: dict, sent: set[str], reports: bool) -> set[str]:
    """The messages of a batch that stay: all of them where the function failed, or named one that is not in the batch.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    """
    if result.get("error"):
        return sent
    answer = result.get("body")
    if not reports or not answer:
        return set()
    named = answer.get("batchItemFailures", []) if isinstance(answer, dict) else [None]
    ids = {item.get("itemIdentifier") if isinstance(item, dict) else None for item in named or []}
    return ids if ids <= sent else sent
