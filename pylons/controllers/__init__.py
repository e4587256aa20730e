"""Controllers: an instance per request, whose public methods are the actions.

:class:`WSGIController` is in ``core``, what actions call (``abort``, ``redirect``, ``url_for``) in
``util``, and how a generator action becomes a response in ``streaming``. The XML-RPC and JSON-RPC
controllers of Pylons are left out: see the differences page.
"""

from pylons.controllers.core import WSGIController

__all__ = ["WSGIController"]
