"""The gate, the login form and the headers, as the application puts them together."""

from __future__ import annotations

import asyncio
import gc
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from plait.dashboard.front.app import front
from plait.dashboard.front.gate import Gate
from plait.dashboard.front.login import Login
from plait.dashboard.front.session import COOKIE, LIFETIME, Sessions
from plait.dashboard.front.tries import Tries
from tests.unit.dashboard.asgi import HOST, Answer, Socket, ask
from tests.unit.dashboard.test_session import Time, begun, sessions_of

KEY = "the-dashboard-key"
OWN = {"origin": f"http://{HOST}"}
PARTS = ["/static/js/index.js", "/media/a.json", "/_stcore/stream", "/_stcore/health", "/_stcore/host-config"]
PARTS += ["/_stcore/upload_file/a/b", "/_stcore/bidi-components/x/y.js", "/component/x/y", "/app/static/x"]
PAGES = ["/", "/conversation?id=1", "/request?id=1", "/nowhere", "/favicon.png", "/healthy", "/health/", "/login/x"]

FLOOD = b"key=" + KEY.encode() + b"&next=" + b"a" * 20_000


async def inside(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands for Streamlit: answers every request, keeps every socket open until its client is gone."""
    if scope["type"] == "http":
        await PlainTextResponse("inside")(scope, receive, send)
        return
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        await send({"type": "websocket.send", "bytes": b"inside"})
    await send({"type": "websocket.send", "bytes": b"too late"})


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def sessions(time: Time) -> Sessions:
    return sessions_of(KEY, time)


@pytest.fixture
def app(sessions: Sessions, time: Time) -> ASGIApp:
    login = Login(sessions, Tries(limit=3, clock=time))
    routes = [*login.routes(), Route("/health", PlainTextResponse("well"))]
    whole = Starlette(routes=routes, middleware=front(sessions))
    whole.router.default = inside
    return whole


def cookie(sessions: Sessions) -> dict[str, str]:
    return {"cookie": f"other=1; {COOKIE}={begun(sessions)}"}


async def log_in(app: ASGIApp, key: str = KEY, onward: str = "/", **how: str) -> Answer:
    form = urlencode({"key": key, "next": onward}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded", **OWN}
    return await ask(app, "/login", "POST", headers, form, **how)


@pytest.mark.parametrize("path", PAGES)
async def test_pages_lead_to_the_login_form_and_back(app: ASGIApp, path: str) -> None:
    answer = await ask(app, path, headers={"accept": "text/html"})
    assert answer.status == 303
    assert answer.headers["location"] == "/login?" + urlencode({"next": path})
    assert answer.body == b""


@pytest.mark.parametrize("path", PARTS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_what_pages_are_made_of_is_closed(app: ASGIApp, path: str, method: str) -> None:
    answer = await ask(app, path, method, headers={"accept": "text/html", **OWN})
    assert (answer.status, answer.body) == (401, b"Log in first.")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_pages_refuse_to_be_written_without_a_session(app: ASGIApp, method: str) -> None:
    assert (await ask(app, "/", method)).status == 401


async def test_scripts_are_not_led_to_a_form(app: ASGIApp) -> None:
    assert (await ask(app, "/conversation", headers={"accept": "application/json"})).status == 401


@pytest.mark.parametrize("path", [*PAGES[:4], *PARTS])
async def test_with_a_session_everything_is_open(app: ASGIApp, sessions: Sessions, path: str) -> None:
    assert (await ask(app, path, headers=cookie(sessions))).body == b"inside"


@pytest.mark.parametrize("path", ["/_stcore/upload_file/a/b", "/media/a.json", "/", "/api/live"])
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "TRACE"])
async def test_with_a_session_nothing_is_written_to(app: ASGIApp, sessions: Sessions, path: str, method: str) -> None:
    answer = await ask(app, path, method, headers={**cookie(sessions), **OWN}, body=b"x")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/auth/login", "/auth/logout", "/oauth2callback"])
async def test_what_no_page_needs_does_not_exist(app: ASGIApp, sessions: Sessions, path: str) -> None:
    assert (await ask(app, path, headers=cookie(sessions))).status == 404


@pytest.mark.parametrize(
    "value", ["", "1", "9999999999.name.0000", "9999999999.name.mark.0000", "a.b.c", "9999999999.é.0"]
)
async def test_forged_cookies_open_nothing(app: ASGIApp, value: str) -> None:
    assert (await ask(app, "/static/a.js", headers={"cookie": f"{COOKIE}={value}"})).status == 401


async def test_expired_cookies_open_nothing(app: ASGIApp, sessions: Sessions, time: Time) -> None:
    old = cookie(sessions)
    time.now += LIFETIME
    assert (await ask(app, "/", headers=old)).status == 303


async def test_health_is_open(app: ASGIApp) -> None:
    assert (await ask(app, "/health")).body == b"well"


async def test_the_right_key_gives_a_cookie_and_leads_on(app: ASGIApp) -> None:
    answer = await log_in(app, onward="/conversation?id=1")
    assert (answer.status, answer.headers["location"]) == (303, "/conversation?id=1")
    given, *attributes = answer.headers["set-cookie"].split("; ")
    assert set(attributes) == {"HttpOnly", "SameSite=lax", "Path=/", f"Max-Age={LIFETIME + 24 * 3600}"}
    assert (await ask(app, "/", headers={"cookie": given})).body == b"inside"


async def test_over_https_the_cookie_is_secure(app: ASGIApp) -> None:
    form = urlencode({"key": KEY}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded", "origin": f"https://{HOST}"}
    answer = await ask(app, "/login", "POST", headers, form, scheme="https")
    assert "; Secure" in answer.headers["set-cookie"]
    assert "strict-transport-security" in answer.headers


async def test_behind_a_proxy_that_says_https_it_is_secure_too(app: ASGIApp) -> None:
    form = urlencode({"key": KEY}).encode()
    answer = await ask(app, "/login", "POST", {**OWN, "x-forwarded-proto": "https"}, form)
    assert "; Secure" in answer.headers["set-cookie"]
    assert "strict-transport-security" in answer.headers


@pytest.mark.parametrize("onward", ["https://evil.example/", "//evil.example", "/\\evil.example", "/logout"])
async def test_a_login_never_leads_elsewhere(app: ASGIApp, onward: str) -> None:
    assert (await log_in(app, onward=onward)).headers["location"] == "/"


async def test_a_wrong_key_gives_the_form_again_without_a_cookie(app: ASGIApp) -> None:
    answer = await log_in(app, "guess", onward="/request?id=1&x=<b>")
    assert answer.status == 401
    assert "set-cookie" not in answer.headers
    assert b"This key opens nothing here" in answer.body
    assert b'value="/request?id=1&amp;x=&lt;b&gt;"' in answer.body
    assert b"guess" not in answer.body


@pytest.mark.parametrize("form", [b"", b"key=", b"\xff\xfe", b"key=%ff%00", b"key=a&key=b&key=c&key=d&key=e", FLOOD])
async def test_broken_forms_open_nothing(app: ASGIApp, form: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded", "content-length": "no number", **OWN}
    assert (await ask(app, "/login", "POST", headers, form)).status == 401


async def test_after_some_wrong_keys_even_the_right_one_waits(app: ASGIApp, time: Time) -> None:
    for _ in range(3):
        assert (await log_in(app, "guess")).status == 401
    answer = await log_in(app)
    assert answer.status == 429
    assert answer.headers["retry-after"] == "300"
    assert b"Try again in 5 minutes" in answer.body
    time.now += 301
    assert (await log_in(app)).status == 303


async def test_another_address_does_not_wait(app: ASGIApp) -> None:
    for _ in range(3):
        await log_in(app, "guess")
    assert (await log_in(app, client="10.0.0.2")).status == 303


async def test_another_sites_form_is_refused(app: ASGIApp, sessions: Sessions) -> None:
    foreign = {"origin": "https://evil.example"}
    assert (await ask(app, "/login", "POST", foreign, b"key=" + KEY.encode())).status == 403
    assert (await ask(app, "/_stcore/upload_file/a/b", "PUT", {**foreign, **cookie(sessions)})).status == 403


async def test_the_form_stands_in_plain_html(app: ASGIApp) -> None:
    answer = await ask(app, "/login?next=/request")
    page = answer.body.decode()
    assert answer.status == 200
    assert '<form method="post" action="/login">' in page
    assert 'name="key"' in page
    assert 'name="next" value="/request"' in page
    assert "<script" not in page
    assert answer.headers["cache-control"] == "no-store"


async def test_who_is_logged_in_need_not_see_the_form(app: ASGIApp, sessions: Sessions) -> None:
    answer = await ask(app, "/login?next=/request", headers=cookie(sessions))
    assert (answer.status, answer.headers["location"]) == (303, "/request")


async def test_the_form_says_why_a_login_has_ended(app: ASGIApp, sessions: Sessions, time: Time) -> None:
    expired, left = cookie(sessions), cookie(sessions)
    await ask(app, "/logout", headers=left)
    assert "You have logged out." in (await ask(app, "/login", headers=left)).body.decode()
    time.now += LIFETIME
    assert "A login is good for seven days" in (await ask(app, "/login", headers=expired)).body.decode()


@pytest.mark.parametrize("value", ["", "1.name.mark.sign", "forged"])
async def test_the_form_tells_nothing_to_who_never_was_in(app: ASGIApp, value: str) -> None:
    answer = await ask(app, "/login", headers={"cookie": f"{COOKIE}={value}"})
    assert 'role="status"' not in answer.body.decode()


async def test_log_out_ends_the_session_everywhere(app: ASGIApp, sessions: Sessions) -> None:
    mine = cookie(sessions)
    answer = await ask(app, "/logout", headers=mine)
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    assert f'{COOKIE}="";' in answer.headers["set-cookie"]
    assert (await ask(app, "/static/a.js", headers=mine)).status == 401


@pytest.mark.parametrize("path", ["/", "/login", "/static/a.js", "/health", "/_stcore/health"])
async def test_every_answer_has_the_headers(app: ASGIApp, path: str) -> None:
    headers = (await ask(app, path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self' blob: 'wasm-unsafe-eval' 'sha256-" in policy
    assert "'unsafe-eval'" not in policy
    assert not any("'unsafe-inline'" in part for part in policy.split("; ") if not part.startswith("style-src"))
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("headers", [{}, OWN, {**OWN, "cookie": f"{COOKIE}=9999999999.name.00"}])
async def test_sockets_without_a_session_are_refused_before_they_open(app: ASGIApp, headers: dict[str, str]) -> None:
    socket = Socket()
    await socket.open(app, headers=headers)
    assert await socket.done() == ["websocket.close"]


@pytest.mark.parametrize("origin", [{}, {"origin": "http://localhost:3001"}, {"origin": "null"}])
async def test_sockets_of_other_pages_are_refused(app: ASGIApp, sessions: Sessions, origin: dict[str, str]) -> None:
    socket = Socket()
    await socket.open(app, headers={**cookie(sessions), **origin})
    assert await socket.done() == ["websocket.close"]


async def test_a_socket_works_until_its_client_leaves(app: ASGIApp, sessions: Sessions) -> None:
    socket = Socket()
    await socket.open(app, headers={**cookie(sessions), **OWN})
    await socket.inbox.put({"type": "websocket.receive", "bytes": b"x"})
    await socket.inbox.put({"type": "websocket.disconnect", "code": 1000})
    assert (await socket.done())[:2] == ["websocket.accept", "websocket.send"]


async def test_a_socket_that_is_refused_inside_leaves_nothing_behind(
    sessions: Sessions, recwarn: pytest.WarningsRecorder
) -> None:
    async def refuses(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "websocket.close"})

    socket = Socket()
    await socket.open(Gate(refuses, sessions), headers={**cookie(sessions), **OWN})
    assert await socket.done() == ["websocket.close"]
    gc.collect()
    assert not [warning for warning in recwarn if "never awaited" in str(warning.message)]


async def test_log_out_closes_the_open_sockets(app: ASGIApp, sessions: Sessions) -> None:
    mine, socket = cookie(sessions), Socket()
    await socket.open(app, headers={**mine, **OWN})
    await asyncio.wait_for(socket.opened.wait(), 60)
    await ask(app, "/logout", headers=mine)
    assert await socket.done() == ["websocket.accept", "websocket.close"]
