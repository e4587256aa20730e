"""Chromium, and people in it: each in a browser context of their own, with their own cookies."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


class Person:
    """Somebody in front of the page, who finds things by what they are called."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.page.set_default_timeout(10_000)
        self.faults: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"{url}/")

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log", name="Messages")

    @property
    def messages(self) -> Locator:
        return self.log.get_by_role("article")

    @property
    def state(self) -> Locator:
        return self.page.get_by_role("status")

    @property
    def text(self) -> Locator:
        return self.page.get_by_label("Message", exact=True)

    def join(self, nick: str) -> "Person":
        self.page.get_by_label("Your name").fill(nick)
        self.page.keyboard.press("Enter")
        self.text.wait_for()
        return self

    def say(self, text: str) -> None:
        self.text.fill(text)
        self.text.press("Enter")

    def hears(self, text: str) -> Locator:
        """Wait for a message, and return it."""
        message = self.messages.filter(has=self.page.get_by_text(text, exact=True))
        message.wait_for()
        return message

    def said(self) -> list[str]:
        """Return the texts of all messages in the log."""
        return self.messages.locator("[dir=auto]").all_text_contents()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Person]]:
    """Open the page in a browser context of its own; at the end no script may have failed."""
    people: list[Person] = []

    def open_page(url: str, context: BrowserContext | None = None, **options) -> Person:
        people.append(Person(context or browser.new_context(**options), url))
        return people[-1]

    yield open_page
    for context in {person.context for person in people}:
        context.close()
    assert [person.faults for person in people] == [[] for _ in people]
