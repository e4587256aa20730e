"""The chat's own settings: the ``chat.*`` options of ``[app:main]``, in one typed table.

A value that can't be right ends the start with an error that names the option; none is corrected
in silence.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

PREFIX = "chat."


@dataclass(frozen=True)
class Settings:
    """How long the chat waits, and how much it keeps."""

    #: Seconds that a pull waits for a message before it answers with none. Proxies and the page
    #: take a minute of silence for a dead connection, so this is less.
    pull_timeout: float = 10.0
    #: Seconds without a pull after which a client is forgotten.
    idle_timeout: float = 300.0
    #: Messages that a newcomer is given.
    history: int = 50
    #: Bytes that a message may have, in UTF-8.
    message_limit: int = 4096
    #: Characters that a nick may have.
    nick_limit: int = 32

    def __post_init__(self) -> None:
        self._require("pull_timeout", 0 < self.pull_timeout < 60, "between 0 and 60 seconds")
        self._require(
            "idle_timeout",
            self.idle_timeout > self.pull_timeout,
            f"longer than a pull waits ({PREFIX}pull_timeout = {self.pull_timeout:g})",
        )
        self._require("history", self.history >= 0, "0 or more")
        self._require("message_limit", self.message_limit >= 1, "1 or more")
        self._require("nick_limit", self.nick_limit >= 1, "1 or more")

    def _require(self, name: str, right: bool, wanted: str) -> None:
        if not right:
            raise ValueError(f"{PREFIX}{name} = {getattr(self, name):g}: it has to be {wanted}")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Return the settings that the ``chat.*`` keys of `config` say.

        :raises ValueError: for an unknown option, or a value that is no number or out of range.
        """
        types = get_type_hints(cls)
        values: dict[str, Any] = {}
        for key in config:
            if not key.startswith(PREFIX):
                continue
            name = key.removeprefix(PREFIX)
            if name not in types:
                near = difflib.get_close_matches(name, types, n=1)
                hint = f"; do you mean {PREFIX}{near[0]}?" if near else ""
                raise ValueError(f"{key} is no option of the chat{hint}")
            try:
                values[name] = types[name](config[key])
            except ValueError:
                kind = "a whole number" if types[name] is int else "a number"
                raise ValueError(f"{key} = {config[key]}: it has to be {kind}") from None
        return cls(**values)
