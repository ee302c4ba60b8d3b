"""Inference endpoints of the document set: is each answered by a real call?"""

from __future__ import annotations

from collections.abc import Iterator

from esrag.cluster.client import explained
from esrag.cluster.endpoints import FoundEndpoint, list_endpoints
from esrag.doctor.case import Case
from esrag.doctor.findings import Finding, found, well
from esrag.errors import EsragError, UnavailableError

_TEXT = "Say yes."


def calls(case: Case) -> Iterator[Finding]:
    """Call every endpoint of this set once."""
    if not case.capabilities.tier.endpoints:
        return
    ours = [one for one in list_endpoints(case.client) if _is_of_set(one, case.choices.set)]
    for endpoint in ours:
        where = f"endpoint {endpoint.inference_id}"
        try:
            _call(case, endpoint)
        except EsragError as error:
            address = endpoint.settings.get("url") or endpoint.settings.get("deployment_id") or ""
            leads = f" (it leads to {address})" if address else ""
            yield found("endpoint-fails", where, f"{error.message}{leads}")
        else:
            yield well(where, f"answers ({endpoint.task_type})")


def _is_of_set(endpoint: FoundEndpoint, set_name: str) -> bool:
    """Whether an endpoint bears a name of this set: ``esrag-<task>-<set>``, or with an adapter."""
    _, _, rest = endpoint.inference_id.removeprefix("esrag-").partition("-")
    return endpoint.inference_id.startswith("esrag-") and rest.split("_")[0] == set_name


def _call(case: Case, endpoint: FoundEndpoint) -> None:
    with explained(f"calling inference endpoint {endpoint.inference_id}"):
        if endpoint.task_type == "rerank":
            case.client.inference.rerank(
                inference_id=endpoint.inference_id, query=_TEXT, input=[_TEXT]
            )
        elif endpoint.task_type == "chat_completion":
            _chat(case, endpoint.inference_id)
        else:
            case.client.inference.inference(
                inference_id=endpoint.inference_id,
                task_type=endpoint.task_type,
                input=[_TEXT],
            )


def _chat(case: Case, inference_id: str) -> None:
    """One token; this task type answers as a stream only, which may hold an error."""
    body = {"messages": [{"role": "user", "content": _TEXT}], "max_completion_tokens": 1}
    answer = case.client.perform_request(
        "POST",
        f"/_inference/chat_completion/{inference_id}/_stream",
        headers={"accept": "application/json", "content-type": "application/json"},
        body=body,
    )
    if "event: error" in str(answer.body):
        raise UnavailableError(f"{inference_id} streams an error: {str(answer.body)[:300]}")
