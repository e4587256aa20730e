"""Decorators for actions: ``jsonify`` and ``validate`` here, the others in modules of their own.

``rest`` chooses and restricts by method, ``secure`` guards forms and asks for https, ``cache``
keeps results. All of them keep the action's arguments visible to the controller, and those that
look at the result wait for a generator action's ``return``.
"""

from pylons.decorators.json_ import JSONEncoder, jsonify
from pylons.decorators.validation import PylonsFormEncodeState, validate

__all__ = ["JSONEncoder", "PylonsFormEncodeState", "jsonify", "validate"]
