"""The chat of "Comet chat in pylons (with cogen)" (2008): push, pull, and a coroutine per client.

An action waits by yielding an empty chunk, having left an operation in ``request.environ``; the
server runs the operation, puts the outcome into ``environ["cogen.wsgi"].result`` and goes on with
the action. No thread, greenlet or callback belongs to a waiting pull.

The wire is that of 2008::

    GET /chat/pull/<nick>   registers a client and answers at once: 200, a cookie, no body
                            (Chat-History: how many earlier lines the next pull brings)
    GET /chat/pull          waits for messages: "nick: text" lines, each ended by CR LF, or nothing
    POST /chat/push         publishes the body, which is text in UTF-8, and answers with its line

``?tab=<id>`` on any of them makes several clients of one cookie, for the tabs of a browser. Who is
registered is in ``chatapp.lib.clients``; that is where a client that stays away is forgotten.
"""

import logging
import secrets

import chatapp.lib.helpers as h
from chatapp.lib.base import BaseController, refuse
from cogen.core import events, queue
from cogen.core.coroutines import coro
from cogen.core.util import priority
from pylons import app_globals, request, response, session
from pylons.decorators.rest import restrict

log = logging.getLogger(__name__)

UNPULLED = 10  # batches of messages that may wait for a client's next pull
TAB_LIMIT = 32  # characters of a tab's id

JOIN_FIRST = "You have not joined this chat, or it has forgotten you: GET /chat/pull/<nick> first."


class Client:
    """One participant, or one tab of one."""

    def __init__(self, nick, pubsub):
        self.nick = nick
        self.pubsub = pubsub
        self.messages = queue.Queue(UNPULLED)
        self.dead = False
        self.watcher = None  # the running watch()

    @coro
    def watch(self):
        """Carry messages from the bus to the client's queue, as long as the client pulls them.

        `pubsub` hosts the messages from all participants: subscribe registers this coroutine,
        fetch gives those it has not seen, the history first, or waits if there are none.

        `messages` is where the pull action takes them from. If the client leaves more than 10
        batches there, this coroutine dies; the next pull registers the client anew.
        """
        try:
            yield self.pubsub.subscribe()
            while True:
                messages = yield self.pubsub.fetch()
                yield self.messages.put_nowait(messages)
        except queue.Full:
            log.info("%s is dropped: more than %d batches unpulled", self.nick, UNPULLED)
        finally:
            self.dead = True

    def leave(self):
        """End the coroutine of a client that is not coming back."""
        log.info("%s is gone", self.nick)
        if self.watcher is not None:
            self.watcher.cancel()


class ChatController(BaseController):
    """Push and pull."""

    @restrict("POST")
    def push(self):
        """Publish a message, which all the clients get from their pulls."""
        client = app_globals.clients.get(self._key())
        if client is None:
            refuse(403, JOIN_FIRST)
        line = f"{client.nick}: {self._message()}"

        yield request.environ["cogen.call"](app_globals.pubsub.publish)(line)
        # The environ["cogen.*"] objects are the asynchronous WSGI extension: they make this
        # work as a coroutine, and it still works with any middleware.
        return f"{line}\r\n"

    @restrict("GET")
    def pull(self, nick=None):
        """Register a client that is new here, else give it its new messages.

        Bail out after 10 seconds (``chat.pull_timeout``) if there are none.
        """
        environ, clients, settings = request.environ, app_globals.clients, app_globals.settings
        client = clients.get(self._key())
        if client is None or client.dead:
            client = Client(self._nick(nick, client), app_globals.pubsub)
            log.info("%s joins", client.nick)
            history = min(len(app_globals.pubsub.messages), settings.history)
            response.headers["Chat-History"] = str(history)
            if clients.add(self._new_key(), client):
                yield environ["cogen.core"].events.AddCoro(clients.expire)
            yield environ["cogen.core"].events.AddCoro(client.watch, prio=priority.CORO)
            client.watcher = environ["cogen.wsgi"].result
            return
        clients.pulled(client)

        yield environ["cogen.call"](client.messages.get)(timeout=settings.pull_timeout)

        result = environ["cogen.wsgi"].result
        if isinstance(result, events.OperationTimeout):
            pass
        elif isinstance(result, Exception):
            raise result
        else:
            # Returned, not yielded, since it is the last chunk: the response goes out in one piece,
            # with its length, where 2008's yield needs a second send for the end of the chunks.
            return "".join([f"{line}\r\n" for line in result])

    def _key(self):
        """Return the id of the client that asks: its browser's, from the session, and its tab's."""
        # Most requests have no query, and parsing none takes 4 µs and 300 bytes while they wait.
        tab = request.GET.get("tab", "") if request.query_string else ""
        if len(tab) > TAB_LIMIT:
            refuse(400, f"A tab's id has at most {TAB_LIMIT} characters.")
        return session.get("client"), tab

    def _new_key(self):
        """Return the id of a client that registers, and have the session keep its part."""
        if "client" not in session:
            session["client"] = secrets.token_urlsafe(12)
            session.save()
        return self._key()

    def _nick(self, nick, dropped):
        """Return the nick to register under: the URL's, else the one it had when it was dropped."""
        if nick is None:
            if dropped is None:
                refuse(403, JOIN_FIRST)
            return dropped.nick
        try:
            return h.checked_nick(nick, app_globals.settings.nick_limit)
        except ValueError as error:
            refuse(400, f"{error}.")

    def _message(self):
        """Return the text that is to be published, or refuse it."""
        body = request.body
        limit = app_globals.settings.message_limit
        if len(body) > limit:
            refuse(413, f"A message has at most {limit} bytes; this one has {len(body)}.")
        try:
            text = h.one_line(body.decode("utf-8"))
        except UnicodeDecodeError:
            refuse(400, "A message is text in UTF-8; this is something else.")
        if not text:
            refuse(400, "There is nothing in this message.")
        return text
