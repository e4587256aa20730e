"""The chat's wire, written bare for other servers: what the fan-out is measured against.

Bare means that nothing is done that the wire does not ask for: no session, no registry, no
routing beyond the server's own, no limits. The wire: ``GET /chat/pull/<nick>`` sets a cookie and
answers an empty 200; ``GET /chat/pull`` waits up to ten seconds and answers ``nick: text`` or an
empty 200; ``POST /chat/push`` publishes the body. Of a client that does not pull, the last ten
messages are kept.
"""
