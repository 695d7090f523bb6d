"""Who may ask: the right host, the right origin, a token where others could reach the page, and nothing oversized."""

import hmac
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BODY = 64 * 1024
"""Bytes of a request's body: a drawn outline of 200 corners with a long note is a tenth of it."""
COOKIE = "survey_review"
HEADER = "x-survey-review"
"""A page of another origin cannot send it without being asked first, and it is never allowed when asked."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered."""

    status: HTTPStatus
    words: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What requests have to fulfil."""

    hosts: frozenset[str]
    """Values of `Host` that name this server: 'name:port'."""
    token: str | None = None
    """Secret that every request has to carry; None: none is needed."""
    read_only: bool = False

    @classmethod
    def on(cls, names: Iterable[str], port: int, *, token: str | None, read_only: bool) -> "Rules":
        """Return the rules of a server known by some host names."""
        bracketed = [f"[{name}]" if ":" in name else name for name in names]
        return cls(frozenset(f"{name}:{port}" for name in bracketed), token, read_only)

    def refuse(self, method: str, path: str, headers: Mapping[str, str]) -> Refusal | None:
        """Return why a request is refused, before anything of it is done; None if it may go on."""
        if headers.get("host", "").lower() not in self.hosts:
            return Refusal(HTTPStatus.MISDIRECTED_REQUEST, "this server does not go by that name")
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in {f"http://{host}" for host in self.hosts}:
            return Refusal(HTTPStatus.FORBIDDEN, "asked by a page of another origin")
        entering = method == "GET" and path == "/"
        if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} and not entering:
            return Refusal(HTTPStatus.FORBIDDEN, "asked by a page of another site")
        if method not in {"GET", "POST"}:
            return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and POST are known")
        if method == "POST":
            return self._refuse_writing(headers)
        return None

    def _refuse_writing(self, headers: Mapping[str, str]) -> Refusal | None:
        if self.read_only:
            return Refusal(HTTPStatus.FORBIDDEN, "the review is open for reading only")
        if HEADER not in headers:
            return Refusal(HTTPStatus.FORBIDDEN, f"the header {HEADER} is missing")
        if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
            return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body has to be JSON")
        length = headers.get("content-length", "")
        if length and (not length.isascii() or not length.isdecimal() or int(length) > MOST_BODY):
            return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MOST_BODY} bytes are taken")
        return None

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Tell whether a request carries the token, if there has to be one."""
        if self.token is None:
            return True
        given = [headers.get("authorization", "").removeprefix("Bearer ")]
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            cookies = SimpleCookie()
        given += [cookies[COOKIE].value] if COOKIE in cookies else []
        return any(self._is_token(one) for one in given)

    def enters(self, query: str) -> bool:
        """Tell whether a query brings the right token."""
        return self.token is not None and any(self._is_token(one) for one in parse_qs(query).get("token", []))

    def _is_token(self, given: str) -> bool:
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())


class Guard:
    """ASGI middleware that holds the rules and adds the headers that keep a page to itself."""

    def __init__(self, app: App, rules: Rules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one request."""
        if scope["type"] != "http":
            return None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._rules.refuse(scope["method"], scope["path"], headers)
        if [name for name, _ in scope["headers"]].count(b"host") != 1:
            refusal = Refusal(HTTPStatus.BAD_REQUEST, "one Host is needed")
        if refusal is None and not self._rules.admits(headers):
            if scope["path"] == "/" and self._rules.enters(scope["query_string"].decode("latin-1")):
                return await _let_in(send, str(self._rules.token))
            refusal = Refusal(HTTPStatus.UNAUTHORIZED, "open the address with the token that the command printed")
        body = await _body(receive) if refusal is None and scope["method"] == "POST" else b""
        if len(body) > MOST_BODY:
            refusal = Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MOST_BODY} bytes are taken")
        if refusal is not None:
            return await _say(send, refusal)

        async def again() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def dressed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_common()]
            await send(message)

        return await self._app(scope, again, dressed)


async def _body(receive: Receive) -> bytes:
    """Return the body, or a little more than is allowed of it."""
    body, more = b"", True
    while more and len(body) <= MOST_BODY:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False) and message["type"] == "http.request"
    return body


async def _say(send: Send, refusal: Refusal) -> None:
    content = f"{refusal.words}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(content)).encode())]
    headers.append((b"connection", b"close"))  # what is left of an oversized body must not be read as a request
    await send({"type": "http.response.start", "status": refusal.status, "headers": [*headers, *_common()]})
    await send({"type": "http.response.body", "body": content})


async def _let_in(send: Send, token: str) -> None:
    cookie = f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict".encode()
    headers = [(b"location", b"/"), (b"set-cookie", cookie), (b"content-length", b"0"), *_common()]
    await send({"type": "http.response.start", "status": HTTPStatus.SEE_OTHER, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _common() -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
