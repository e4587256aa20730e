"""The pages for errors."""


def test_an_address_where_nothing_is_has_a_page(chat):
    answer = chat.visitor().get("/nowhere/<b>", status=404)
    assert answer.content_type == "text/html"
    assert "nothing at this address" in answer.text
    assert "<b>" not in answer.text
    assert answer.html.find("a")["href"] == "/"


def test_its_links_lead_to_where_the_application_is_mounted(chat):
    answer = chat.visitor().get("/nowhere", extra_environ={"SCRIPT_NAME": "/talk"}, status=404)
    assert answer.html.find("a")["href"] == "/talk/"
    assert answer.html.find("link", rel="stylesheet")["href"] == "/talk/chat.css"


def test_an_error_page_is_no_page_by_itself(chat):
    chat.visitor().get("/error/document", status=404)


def test_what_tells_a_program_what_to_do_is_left_alone(chat):
    assert chat.visitor().pull(status=403).content_type == "text/plain"
