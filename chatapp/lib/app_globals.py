"""What lives as long as the application, known as ``app_globals`` while a request is served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mako.lookup import TemplateLookup

from chatapp.lib.clients import Clients
from chatapp.lib.settings import Settings
from cogen.core.pubsub import PublishSubscribeQueue


class Globals:
    """The settings, the bus that carries every message to every client, and the clients."""

    mako_lookup: TemplateLookup

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.settings = Settings.from_config(config)
        self.pubsub = PublishSubscribeQueue(history=self.settings.history)
        self.clients = Clients(self.settings.idle_timeout)
