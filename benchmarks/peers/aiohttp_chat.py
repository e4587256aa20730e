"""The chat on aiohttp's own server."""

from aiohttp import web

from .room import Room

COOKIE = "chatapp"
ROOM = web.AppKey("room", Room)


async def join(request: web.Request) -> web.Response:
    response = web.Response()
    response.set_cookie(COOKIE, request.app[ROOM].join(request.match_info["nick"]))
    return response


async def pull(request: web.Request) -> web.Response:
    member = request.app[ROOM].member(request.cookies[COOKIE])
    return web.Response(text=await member.pull())


async def push(request: web.Request) -> web.Response:
    room = request.app[ROOM]
    room.push(room.member(request.cookies[COOKIE]), await request.text())
    return web.Response()


def make_app() -> web.Application:
    """Return the application, with a room of its own."""
    app = web.Application()
    app[ROOM] = Room()
    app.add_routes(
        [
            web.get("/chat/pull/{nick}", join),
            web.get("/chat/pull", pull),
            web.post("/chat/push", push),
        ]
    )
    return app
