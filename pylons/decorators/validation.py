"""``validate``: an action that gets checked form values, by FormEncode.

FormEncode is not a dependency: it is imported when the first decorated action is called.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from typing import Any, cast

from pylons import request, tmpl_context, translator
from pylons.decorators.base import Action


class PylonsFormEncodeState:
    """The `state` that validators get: their messages are in the request's language."""

    @staticmethod
    def _(message: str) -> str:
        return translator.gettext(message)


def validate(
    schema: Any = None,
    validators: Any = None,
    form: str | None = None,
    variable_decode: bool = False,
    dict_char: str = ".",
    list_char: str = "-",
    post_only: bool = True,
    state: Any = PylonsFormEncodeState,
    on_get: bool = False,
    **htmlfill_kwargs: Any,
) -> Callable[[Action], Action]:
    """Check the request's parameters before the action, which finds them in ``self.form_result``.

    If they don't pass, ``tmpl_context.form_errors`` has the messages by field, and the action
    `form` is called in place of this one, its HTML filled in with values and messages. Without
    `form` this action itself is called, and looks for the errors.

    :param schema: a FormEncode schema for all of the parameters.
    :param validators: a FormEncode validator for each of some parameters, by name.
    :param variable_decode: make nested structures of names such as ``a.b-1``, split at
        `dict_char` and `list_char`.
    :param post_only: leave the query's parameters out.
    :param on_get: check on a GET too.
    :param htmlfill_kwargs: for ``formencode.htmlfill.render``.
    :raises ImportError: when the action is called, if FormEncode is not installed.
    """

    def decorator(func: Action) -> Action:
        @functools.wraps(func)
        def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
            if request.method == "GET" and not on_get:
                return func(self, *args, **kwargs)
            params = (request.POST if post_only else request.params).mixed()
            coding = (variable_decode, dict_char, list_char)
            self.form_result, errors = _checked(params, schema, validators or {}, state, coding)
            if errors:
                tmpl_context.form_errors = errors
                if form is not None:
                    return _filled(self, form, params, errors, htmlfill_kwargs)
            return func(self, *args, **kwargs)

        return cast(Action, checked)

    return decorator


def _checked(
    params: dict[str, Any],
    schema: Any,
    validators: Mapping[str, Any],
    state: Any,
    coding: tuple[bool, str, str],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values that passed, as the validators made them, and the errors by field."""
    is_coded, *characters = coding
    decoded = params
    if is_coded:
        decoded = _formencode("variabledecode").variable_decode(params, *characters)
    invalid = _formencode("api").Invalid
    values: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    if schema is not None:
        try:
            values = schema.to_python(decoded, state)
        except invalid as exc:
            errors = exc.unpack_errors(*coding)
    for field, validator in validators.items():
        try:
            values[field] = validator.to_python(decoded.get(field), state)
        except invalid as exc:
            errors[field] = exc
    return values, errors


def _filled(
    controller: Any, form: str, params: dict[str, Any], errors: dict[str, Any], options: Any
) -> Any:
    """Return the text of the action `form`, filled in; any other result as it is."""
    request.environ["REQUEST_METHOD"] = "GET"
    page = controller._inspect_call(getattr(controller, form))
    if isinstance(page, bytes):
        page = page.decode("utf-8")
    if not isinstance(page, str):
        return page
    return _formencode("htmlfill").render(page, defaults=params, errors=errors, **options)


def _formencode(module: str) -> Any:
    try:
        return importlib.import_module(f"formencode.{module}")
    except ModuleNotFoundError as exc:
        raise ImportError(
            "pylons.decorators.validate needs FormEncode, which is not installed: "
            "pip install FormEncode"
        ) from exc
