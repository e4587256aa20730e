"""The error pages, asked for by ``StatusCodeRedirect`` when an inner layer answered with an error.

A page says what the status means to a reader of the page, and nothing of what happened inside.
"""

from http import HTTPStatus

from chatapp.lib.base import BaseController, refuse
from pylons import request, response
from pylons.templating import render

ADVICE = {
    404: "There is nothing at this address. It may have been mistyped.",
    500: "Something went wrong on the server, and has been written to its log. Try again later.",
}


class ErrorController(BaseController):
    """Make a page for ``environ['pylons.original_response']``."""

    def document(self):
        """Render the page of an error."""
        original = request.environ.get("pylons.original_response")
        if original is None:
            refuse(404, "Error pages are made for other addresses; this is none by itself.")
        response.content_type = "text/html"
        status = original.status_int
        advice = ADVICE.get(status, HTTPStatus(status).description)
        return render("/error.mako", {"title": HTTPStatus(status).phrase, "advice": advice})
