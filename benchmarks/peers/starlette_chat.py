"""The chat on Starlette, to be served by uvicorn."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .room import Room

COOKIE = "chatapp"


async def join(request: Request) -> Response:
    response = Response()
    response.set_cookie(COOKIE, request.app.state.room.join(request.path_params["nick"]))
    return response


async def pull(request: Request) -> Response:
    member = request.app.state.room.member(request.cookies[COOKIE])
    return Response(await member.pull(), media_type="text/plain")


async def push(request: Request) -> Response:
    room: Room = request.app.state.room
    room.push(room.member(request.cookies[COOKIE]), (await request.body()).decode())
    return Response()


def make_app() -> Starlette:
    """Return the application, with a room of its own."""
    app = Starlette(
        routes=[
            Route("/chat/pull/{nick}", join),
            Route("/chat/pull", pull),
            Route("/chat/push", push, methods=["POST"]),
        ]
    )
    app.state.room = Room()
    return app
