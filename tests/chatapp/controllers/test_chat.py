"""The chat's wire, through the whole stack."""

import json
import re

import pytest

from chatapp.controllers.chat import ChatController


class TestJoining:
    def test_the_first_pull_answers_at_once_with_a_cookie_and_no_body(self, chat):
        answer = chat.visitor().pull("bob")
        assert answer.status == "200 OK"
        assert answer.body == b""
        cookie = answer.headers["Set-Cookie"]
        # The signature and the id, as in 2008; what else is in it keeps scripts and sites away.
        assert re.match(r"chatapp=[0-9a-f]{40}[0-9a-f]{32};", cookie)
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie

    def test_the_session_keeps_an_id_and_no_live_object(self, chat):
        answer = chat.visitor().pull("bob")
        kept = {name: value for name, value in answer.session.items() if name[0] != "_"}
        assert list(kept) == ["client"]
        assert json.loads(json.dumps(kept)) == kept

    def test_a_later_nick_does_not_rename(self, chat):
        bob = chat.visitor("bob")
        assert bob.pull("zoe").body == b""
        bob.push("hello")
        assert bob.pull().text == "bob: hello\r\n"

    def test_a_pull_without_a_nick_says_what_to_do(self, chat):
        answer = chat.visitor().pull(status=403)
        assert "GET /chat/pull/<nick>" in answer.text
        assert answer.content_type == "text/plain"
        assert "Set-Cookie" not in answer.headers
        assert len(chat.globals.clients) == 0

    @pytest.mark.parametrize("nick", ["Zoë", "bob smith", "a/b", "<b>", "名前", "🙂", "x" * 32])
    def test_good_nicks(self, chat, nick):
        visitor = chat.visitor(nick)
        visitor.push("hello")
        assert visitor.pull().text == f"{nick}: hello\r\n"

    @pytest.mark.parametrize(
        ("nick", "reason"),
        [
            ("x" * 33, "at most 32 characters"),
            ("a\r\nb", "line breaks"),
            ("a\0b", "controls"),
            ("b\u202eob", "invisible"),
            ("ann: bob", "a colon"),
            (" ", "a character that can be seen"),
        ],
    )
    def test_a_bad_nick_is_refused_with_the_reason(self, chat, nick, reason):
        answer = chat.visitor().pull(nick, status=400)
        assert reason in answer.text
        assert len(chat.globals.clients) == 0

    def test_a_nick_that_is_no_utf8_is_at_no_address(self, chat):
        chat.visitor().get("/chat/pull/%FF", status=404)

    def test_a_forged_cookie_is_no_cookie(self, chat):
        visitor = chat.visitor()
        visitor.set_cookie("chatapp", "0" * 72)
        visitor.push("hello", status=403)
        assert "Set-Cookie" in visitor.pull("mallory").headers

    def test_a_cookie_of_another_start_is_no_cookie(self, chat, make_chat):
        bob = chat.visitor("bob")
        bob.app = make_chat().application
        bob.push("hello", status=403)
        bob.pull(status=403)


class TestTalking:
    def test_what_one_says_all_hear(self, chat):
        ann, bob = chat.visitor("ann"), chat.visitor("bob")
        answer = ann.push("hello")
        assert answer.status == "200 OK"
        assert answer.text == "ann: hello\r\n"
        assert ann.pull().text == "ann: hello\r\n"
        assert bob.pull().text == "ann: hello\r\n"

    def test_a_pull_with_nothing_new_answers_empty_after_its_time(self, chat):
        bob = chat.visitor("bob")
        answer = bob.pull()
        assert answer.status == "200 OK"
        assert answer.body == b""

    def test_each_pull_gives_one_batch_in_order(self, chat):
        ann, bob = chat.visitor("ann"), chat.visitor("bob")
        for number in range(5):
            ann.push(f"{number}")
            assert ann.pull().text == f"ann: {number}\r\n"
        assert [bob.pull().text for _ in range(6)] == [f"ann: {n}\r\n" for n in range(5)] + [""]

    def test_text_comes_back_as_text(self, chat):
        bob = chat.visitor("bob")
        bob.push("<script>alert('ä')</script>")
        answer = bob.pull()
        assert answer.text == "bob: <script>alert('ä')</script>\r\n"
        assert answer.content_type == "text/plain"
        assert answer.charset.lower() == "utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize(
        "text",
        [
            "hi\r\nbob: me too",
            "hi\nbob: me too",
            "hi\rbob: me too",
            "hi\u2028bob: me too",
            "hi\x85bob: me too",
            "\r\nhi\x00\x1b\x0bbob: me too\n",
        ],
    )
    def test_a_message_is_one_line(self, chat, text):
        ann = chat.visitor("ann")
        ann.push(text)
        assert ann.pull().text == "ann: hi bob: me too\r\n"

    @pytest.mark.parametrize(
        "content_type", ["application/x-www-form-urlencoded", "multipart/form-data"]
    )
    def test_a_form_is_text_like_any_other(self, chat, content_type):
        ann = chat.visitor("ann")
        ann.request("/chat/push", method="POST", body=b"_method=GET", content_type=content_type)
        assert ann.pull().text == "ann: _method=GET\r\n"


class TestHistory:
    def test_a_newcomers_second_pull_gives_it_whole(self, chat):
        ann = chat.visitor("ann")
        ann.push("one")
        ann.push("two")
        bob = chat.visitor()
        joined = bob.pull("bob")
        assert joined.body == b""
        assert joined.headers["Chat-History"] == "2"
        assert bob.pull().text == "ann: one\r\nann: two\r\n"

    def test_it_is_bounded(self, make_chat):
        chat = make_chat(chat_history="3")
        ann = chat.visitor("ann")
        for number in range(200):
            ann.push(f"{number}")
            ann.pull()
        bob = chat.visitor()
        assert bob.pull("bob").headers["Chat-History"] == "3"
        assert bob.pull().text == "ann: 197\r\nann: 198\r\nann: 199\r\n"

    def test_it_may_be_none(self, make_chat):
        chat = make_chat(chat_history="0")
        ann = chat.visitor("ann")
        ann.push("one")
        bob = chat.visitor()
        assert bob.pull("bob").headers["Chat-History"] == "0"
        assert bob.pull().body == b""


class TestDropping:
    @pytest.fixture
    def dropped(self, chat, until):
        """Bob, who has not pulled while ann said eleven things."""
        bob = chat.visitor("bob")
        ann = chat.visitor("ann")
        for number in range(11):
            ann.push(f"{number}")
            ann.pull()
        until(lambda: len(chat.globals.pubsub.subscribers) == 1)
        return bob

    def test_ten_unpulled_batches_are_kept(self, chat):
        bob = chat.visitor("bob")
        ann = chat.visitor("ann")
        for number in range(10):
            ann.push(f"{number}")
            ann.pull()
        assert [bob.pull().text for _ in range(10)] == [f"ann: {n}\r\n" for n in range(10)]

    def test_the_next_pull_registers_anew_under_the_same_nick(self, chat, dropped):
        again = dropped.pull()
        assert again.status == "200 OK"
        assert again.body == b""
        assert again.headers["Chat-History"] == "11"
        assert dropped.pull().text == "".join(f"ann: {n}\r\n" for n in range(11))
        dropped.push("back")
        assert dropped.pull().text == "bob: back\r\n"
        assert len(chat.globals.clients) == 2

    def test_a_dropped_client_can_still_push(self, dropped):
        assert dropped.push("still here").text == "bob: still here\r\n"


class TestRefusing:
    def test_a_push_without_a_session_says_what_to_do(self, chat):
        answer = chat.visitor().push("hello", status=403)
        assert "GET /chat/pull/<nick>" in answer.text
        assert answer.content_type == "text/plain"

    @pytest.mark.parametrize("body", ["", "  ", "\r\n", "\x00"])
    def test_an_empty_push(self, chat, body):
        assert "nothing in this message" in chat.visitor("bob").push(body, status=400).text

    def test_a_push_that_is_no_utf8(self, chat):
        assert "UTF-8" in chat.visitor("bob").push(b"\xff\xfe", status=400).text

    def test_a_push_over_the_limit(self, make_chat):
        bob = make_chat(chat_message_limit="6").visitor("bob")
        bob.push("äöü")
        assert "at most 6 bytes" in bob.push("äöü!", status=413).text

    def test_a_push_by_get(self, chat):
        answer = chat.visitor("bob").get("/chat/push", status=405)
        assert answer.headers["Allow"] == "POST"

    @pytest.mark.parametrize("method", ["POST", "HEAD", "PUT"])
    def test_a_pull_by_another_method_takes_no_message_away(self, chat, method):
        bob = chat.visitor("bob")
        bob.push("hello")
        bob.request("/chat/pull", method=method, status=405)
        assert bob.pull().text == "bob: hello\r\n"

    def test_an_unknown_action(self, chat):
        chat.visitor("bob").get("/chat/watch", status=404)


class TestTabs:
    def test_each_tab_of_a_browser_gets_every_message(self, chat):
        browser = chat.visitor()
        browser.get("/chat/pull/ann?tab=1")
        browser.get("/chat/pull/ann?tab=2")
        browser.post("/chat/push?tab=1", "hello", content_type="text/plain")
        assert browser.get("/chat/pull?tab=1").text == "ann: hello\r\n"
        assert browser.get("/chat/pull?tab=2").text == "ann: hello\r\n"

    def test_a_tab_of_another_browser_is_another(self, chat):
        ann, bob = chat.visitor(), chat.visitor()
        ann.get("/chat/pull/ann?tab=1")
        bob.get("/chat/pull?tab=1", status=403)

    def test_a_tabs_id_is_short(self, chat):
        answer = chat.visitor().get("/chat/pull/ann?tab=" + "1" * 33, status=400)
        assert "at most 32 characters" in answer.text


class TestVanishing:
    def test_who_stays_away_is_forgotten_with_all_that_was_kept(self, make_chat, until):
        chat = make_chat(chat_pull_timeout="0.01", chat_idle_timeout="0.2")
        bob = chat.visitor("bob")
        assert len(chat.globals.pubsub.subscribers) == 1
        until(lambda: len(chat.globals.clients) == 0)
        assert not chat.globals.pubsub.subscribers
        bob.push("hello", status=403)
        assert bob.pull("bob").body == b""
        until(lambda: len(chat.globals.clients) == 0)

    def test_who_pulls_stays(self, make_chat, until):
        chat = make_chat(chat_pull_timeout="0.01", chat_idle_timeout="0.2")
        bob, ann = chat.visitor("bob"), chat.visitor("ann")
        ann.push("hello")

        def ann_is_gone():
            bob.pull()
            return len(chat.globals.clients) == 1

        until(ann_is_gone)
        bob.push("still here")


class TestFailing:
    def test_a_fault_is_a_page_without_a_traceback(self, chat, monkeypatch):
        def push(self):
            raise RuntimeError("secret of the inside")

        monkeypatch.setattr(ChatController, "push", push)
        answer = chat.visitor("bob").push("hello", status=500)
        assert answer.content_type == "text/html"
        assert "written to its log" in answer.text
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text
