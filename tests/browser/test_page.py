"""The page in Chromium, served by ``paster serve``: people who talk to each other."""

from datetime import datetime, timedelta

import pytest

pytestmark = pytest.mark.browser

OWN = "own"


def classes(message):
    return message.get_attribute("class").split()


def test_two_people_talk(chat_server, visit):
    ann, bob = visit(chat_server).join("Ann"), visit(chat_server).join("Bob")
    ann.say("good morning, Bob")
    heard = bob.hears("good morning, Bob")
    assert "Ann" in heard.text_content()
    assert OWN not in classes(heard)
    assert heard.locator("time").get_attribute("datetime")
    bob.say("good morning, Ann")
    assert OWN not in classes(ann.hears("good morning, Ann"))
    assert OWN in classes(ann.hears("good morning, Bob"))
    assert ann.text.input_value() == ""
    assert ann.state.text_content() == "Connected"
    # Nothing of the page comes from elsewhere.
    assert all(url.startswith(chat_server) for url in ann.asked + bob.asked)


def test_markup_comes_back_inert(chat_server, visit):
    ann, bob = visit(chat_server).join("Ann"), visit(chat_server).join("<b>Bob</b>")
    trap = "<img src=x onerror=\"document.title='caught'\"><script>document.title='caught'</script>"
    bob.say(trap)
    heard = ann.hears(trap)
    assert heard.locator("[dir=auto]").text_content() == trap
    assert "<b>Bob</b>" in heard.text_content()
    assert ann.log.locator("img, script, b").count() == 0
    assert "caught" not in ann.page.title()


def test_the_keyboard_is_enough(chat_server, visit):
    ann = visit(chat_server)
    keyboard = ann.page.keyboard
    keyboard.type("Ann")
    keyboard.press("Enter")
    ann.text.wait_for()
    keyboard.type("by keyboard alone")
    keyboard.press("Enter")
    ann.hears("by keyboard alone")
    keyboard.press("Shift+Tab")
    assert ann.log.evaluate("element => element === document.activeElement")


def test_a_refused_name_is_explained(chat_server, visit):
    ann = visit(chat_server)
    ann.page.get_by_label("Your name").fill("Ann: Bob")
    ann.page.get_by_role("button", name="Join").click()
    alert = ann.page.get_by_role("alert").filter(has_text="a colon")
    alert.wait_for()
    assert ann.page.get_by_label("Your name").input_value() == "Ann: Bob"
    ann.join("Ann Bob")


def test_a_refused_message_is_explained_and_kept(chat_server, visit):
    ann = visit(chat_server).join("Ann")
    ann.text.evaluate("element => element.removeAttribute('maxlength')")
    ann.say("x" * 5000)
    ann.page.get_by_role("alert").filter(has_text="at most 4096 bytes").wait_for()
    assert len(ann.text.input_value()) == 5000


def test_a_newcomer_sees_what_was_said_and_a_reload_does_not_ask_again(chat_server, visit):
    ann = visit(chat_server).join("Ann")
    ann.say("before you came")
    ann.hears("before you came")
    bob = visit(chat_server).join("Bob")
    bob.hears("before you came")
    assert bob.said().count("before you came") == 1
    bob.page.reload()
    bob.hears("before you came")
    assert bob.said().count("before you came") == 1
    bob.say("and after")
    assert OWN in classes(bob.hears("and after"))


def test_tabs_of_one_browser_get_every_message(chat_server, visit):
    ann = visit(chat_server).join("Ann")
    tab = visit(chat_server, context=ann.context).join("Ann too")
    bob = visit(chat_server).join("Bob")
    for number in range(3):
        bob.say(f"to all tabs, {number}")
        ann.hears(f"to all tabs, {number}")
        tab.hears(f"to all tabs, {number}")


def test_leaving_and_joining_under_another_name(chat_server, visit):
    ann = visit(chat_server).join("Ann")
    ann.page.get_by_role("button", name="Leave").click()
    ann.page.get_by_label("Your name").wait_for()
    ann.join("Anna")
    ann.say("under another name")
    bob = visit(chat_server).join("Bob")
    assert "Anna" in bob.hears("under another name").text_content()


def test_offline_and_back_without_losing_or_doubling_a_message(chat_server, visit):
    ann, bob = visit(chat_server).join("Ann"), visit(chat_server).join("Bob")
    bob.say("before you go")
    ann.hears("before you go")
    ann.page.clock.install()
    ann.context.set_offline(True)
    ann.state.filter(has_text="Offline").wait_for()
    ann.page.clock.pause_at(datetime.now() + timedelta(hours=1))
    # So many that the server drops her: what she missed comes from the history.
    missed = [f"while you were away, {number}." for number in range(12)]
    for text in missed:
        bob.say(text)
        bob.hears(text)
    ann.say("into the void")
    ann.page.get_by_role("alert").filter(has_text="Not sent").wait_for()
    assert ann.text.input_value() == "into the void"
    assert ann.state.text_content() == "Offline"
    # Her clock stands still, so that it is not by trying again that she finds out.
    ann.context.set_offline(False)
    ann.state.filter(has_text="Connected").wait_for()
    ann.hears(missed[-1])
    bob.say("and now")
    ann.hears("and now")
    assert ann.said()[-14:] == ["before you go", *missed, "and now"]
    assert ann.said().count("before you go") == 1


def test_the_server_restarts(paster_serve, visit):
    server = paster_serve("test.ini", "http_port=0")
    url = server.url
    ann, bob = visit(url).join("Ann"), visit(url).join("Bob")
    ann.say("before the restart")
    bob.hears("before the restart")
    ann.page.clock.install()
    assert server.stop() == 0
    ann.state.filter(has_text="Reconnecting").wait_for()
    bob.state.filter(has_text="Reconnecting").wait_for()

    # Ann's clock stands still, so that she comes back later than Bob speaks.
    ann.page.clock.pause_at(datetime.now() + timedelta(hours=1))
    paster_serve("test.ini", f"http_port={url.rpartition(':')[2]}").url
    bob.state.filter(has_text="Connected").wait_for()
    bob.say("while Ann was away")
    bob.hears("while Ann was away")
    assert ann.state.text_content() != "Connected"
    ann.page.clock.resume()
    ann.state.filter(has_text="Connected").wait_for()
    ann.say("after the restart")
    for person in (ann, bob):
        person.hears("after the restart")
        assert person.said() == ["before the restart", "while Ann was away", "after the restart"]


@pytest.mark.parametrize("width", [320, 1000])
def test_nothing_is_cut_off(chat_server, visit, width):
    ann = visit(chat_server, viewport={"width": width, "height": 600}).join("A" * 32)
    ann.say(f"{width}" * 100)
    ann.hears(f"{width}" * 100)
    rightmost = ann.page.evaluate(
        "Math.max(...[...document.querySelectorAll('*')].map(e => e.getBoundingClientRect().right))"
    )
    assert rightmost <= width
    assert ann.page.get_by_role("button", name="Send").is_visible()
