"""The figures that the documentation quotes, each one a command.

======================================  ====================================================
``python -m benchmarks.hello``          plain requests per second, against other servers
``python -m benchmarks.idle``           the same beside idle connections and parked requests
``python -m benchmarks.fanout``         one push of the chat to N waiting pulls
``python -m benchmarks.hotspots``       where the microseconds of a delivery go
``python -m benchmarks.runtime``        coroutines and queues, without a server
======================================  ====================================================

The parts: ``rig`` starts a server on a core of its own and reads what it used, ``serve`` is
that server's process, ``wrk`` and ``crowd`` make the load, ``report`` prints. Nothing here
leaves the loopback interface. How to read the figures is in ``docs/benchmarks.rst``.
"""
