"""Where callers reach the local cloud: control endpoints, faults on demand, counts of calls, the API at its own root.

An ASGI application around MiniStack's. It knows calls of AWS's JSON protocol, which current SDKs speak to SQS and
Secrets Manager; others pass unseen. It listens on loopback only, and its own endpoints ask nobody who they are.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path

from hypercorn.protocol.events import StreamClosed
from hypercorn.protocol.http_stream import ASGIHTTPState, HTTPStream
from ministack.services import sts

import instances
from calls import CALLS
from faults import Call, Fault, Faults, UnknownFaultError, parse
from limits import LIMITS

TARGETS = {"AmazonSQS": "sqs", "secretsmanager": "secretsmanager"}
ACCESS_KEY = re.compile(r"Credential=([^/]+)/")
# SQS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
THROTTLED = {
    "sqs": ("RequestThrottled", "The request was denied due to request throttling."),
    "secretsmanager": ("ThrottlingException", "Rate exceeded"),
}
# What hypercorn is told to send where the connection is to be cut; see `fix_cutting`.
CUT = {"type": "local.cut"}
# Which entry of the batch at hand is to be refused; read where batches are carried out.
refusal: ContextVar[dict | None] = ContextVar("refusal", default=None)
# Set when the client of the call at hand has closed its connection.
gone: ContextVar[asyncio.Event | None] = ContextVar("gone", default=None)


class Gateway:
    """`api_port` serves the deployed API alone, whose id `stack.py` writes to a file after the deployment."""

    def __init__(self, app, api_port: int, id_file: Path):
        self.app, self.api_port, self.id_file = app, api_port, id_file
        self.faults = Faults()

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["server"][1] == self.api_port:
            await self.app(self._at_api(scope), receive, send)
        elif scope["path"].startswith("/_local/"):
            status, answer = self._control(scope["method"], scope["path"], await read(receive))
            await reply(send, status, {"content-type": "application/json"}, answer)
        else:
            await self._service(scope, receive, send)

    def _at_api(self, scope: dict) -> dict:
        prefix = f"/_aws/execute-api/{self.id_file.read_text()}/$default" if self.id_file.exists() else "/none"
        return {**scope, "path": prefix + scope["path"], "raw_path": prefix.encode() + scope["raw_path"]}

    async def _service(self, scope, receive, send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        target, _, action = headers.get("x-amz-target", "").rpartition(".")
        service = TARGETS.get(target)
        if service is None:
            await self.app(scope, receive, send)
            return
        body = await read(receive)
        call = Call(service, action, resource(body), caller(headers))
        CALLS.count(call)
        fired = self.faults.hit(call)
        for fault in fired:
            if fault.kind == "slow":
                await asyncio.sleep(fault.options["ms"] / 1000)
        fault = fired[-1] if fired and fired[-1].kind != "slow" else None
        if fault is None:
            await self._carry_out(scope, receive, send, body)
        elif fault.kind == "throttled":
            await refuse(send, 400, *THROTTLED[service])
        elif fault.kind == "down":
            await fail(send, fault)
        elif fault.kind == "entry_refused":
            refusal.set(fault.options)
            await self._carry_out(scope, receive, send, body)
        else:
            await self._carry_out(scope, receive, unheard, body)
            await fail(send, fault)

    async def _carry_out(self, scope, receive: Callable, send: Callable, body: bytes) -> None:
        """Hands the call to MiniStack, and notices meanwhile when its client goes: nobody would get the answer."""
        closed = asyncio.Event()
        gone.set(closed)

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            closed.set()

        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> dict:
            if unread:
                return unread.pop()
            await closed.wait()
            return {"type": "http.disconnect"}

        watching = asyncio.ensure_future(watch())
        try:
            await self.app(scope, replay, send)
        finally:
            watching.cancel()

    def _control(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        """The answer to one of our own endpoints. See README.md."""
        endpoints = {
            ("GET", "/_local/faults"): lambda _: self.faults.listed(),
            ("POST", "/_local/faults"): lambda asked: self._add(parse(asked)),
            ("DELETE", "/_local/faults"): lambda _: self.faults.clear(),
            ("GET", "/_local/calls"): lambda _: CALLS.to_json(),
            ("DELETE", "/_local/calls"): lambda _: CALLS.clear(),
            ("GET", "/_local/instances"): lambda _: instances.listed(),
            ("POST", "/_local/kill"): lambda asked: {"killed": instances.kill(*to_kill(asked))},
            ("POST", "/_local/stop"): lambda asked: {"stopped": instances.stop(to_kill(asked)[0])},
            ("GET", "/_local/limits"): lambda _: LIMITS.to_json(),
            ("POST", "/_local/limits"): lambda asked: LIMITS.set(asked),
            ("DELETE", "/_local/limits"): lambda _: LIMITS.reset(),
        }
        endpoint = endpoints.get((method, path))
        one = path.removeprefix("/_local/faults/")
        if method == "DELETE" and one != path:
            endpoint = lambda _: self.faults.remove(one)  # noqa: E731 - an endpoint as those above
        if endpoint is None:
            return 404, {"error": f"no {method} {path} here"}
        try:
            answer = endpoint(json.loads(body) if body else None)
        except ValueError as wrong:
            return 400, {"error": str(wrong)}
        return 200, {} if answer is None else answer

    def _add(self, fault: Fault) -> dict:
        self.faults.add(fault)
        return fault.to_json()


def to_kill(asked: object) -> tuple[str, bool]:
    if not isinstance(asked, dict) or not isinstance(asked.get("function"), str) or not asked["function"]:
        raise UnknownFaultError('what to kill is {"function": part of its name, "idle": true or false}')
    return asked["function"], asked.get("idle") is True


def resource(body: bytes) -> str:
    """The name of the queue or secret that a call is about; empty where it names none."""
    with contextlib.suppress(ValueError):
        asked = json.loads(body)
        if isinstance(asked, dict):
            url = asked.get("QueueUrl")
            named = url.rpartition("/")[2] if isinstance(url, str) else None
            return str(named or asked.get("QueueName") or asked.get("SecretId") or asked.get("Name") or "")
    return ""


def caller(headers: dict[str, str]) -> str:
    """The function whose role signed the call, or `account`."""
    key = ACCESS_KEY.search(headers.get("authorization", ""))
    session = sts._sessions.get(key[1]) if key else None
    return session["UserId"].rpartition(":")[2] if session else "account"


async def read(receive: Callable) -> bytes:
    """A request's whole body; what of it there is where the client went away."""
    body, more = [], True
    while more:
        message = await receive()
        body.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(body)


async def reply(send: Callable, status: int, headers: dict[str, str], answer: object) -> None:
    body = json.dumps(answer).encode()
    given = {**headers, "content-length": str(len(body))}
    encoded = [(name.encode(), value.encode()) for name, value in given.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


async def refuse(send: Callable, status: int, code: str, message: str) -> None:
    """An error in the shape of AWS's JSON protocol, with the header of SQS's compatibility with its older one."""
    fault = "Sender" if status < 500 else "Receiver"
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "x-amzn-errortype": code,
        "x-amzn-query-error": f"{code};{fault}",
    }
    await reply(send, status, headers, {"__type": code, "message": message})


async def fail(send: Callable, fault: Fault) -> None:
    if fault.options["cut"]:
        await send(CUT)
    else:
        await refuse(send, 503, "ServiceUnavailable", "The service is down, as asked.")


async def unheard(_message: dict) -> None:
    """Takes an answer that nobody is to get."""


def fix_cutting() -> None:
    """Lets the gateway close a connection without an answer, which ASGI has no word for."""
    app_send = HTTPStream.app_send

    async def app_send_or_cut(stream, message) -> None:
        if message is not CUT:
            await app_send(stream, message)
            return
        stream.state = ASGIHTTPState.CLOSED
        await stream.send(StreamClosed(stream_id=stream.stream_id))

    HTTPStream.app_send = app_send_or_cut
