"""What ``paster setup-app`` runs. The chat keeps nothing on disk, so there is little to set up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatapp.config.environment import load_environment


def setup_app(command: Any, conf: Any, vars: Mapping[str, Any]) -> None:
    """Check that the options of ``[app:main]`` can be served with.

    :raises ValueError: for one that can't.
    """
    load_environment(conf.global_conf, conf.local_conf)
