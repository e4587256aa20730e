"""``paster serve`` as a process of its own: addresses, patching, signals, reloading."""

import re
import signal
import socket
import threading
import time
import urllib.request

import pytest

SERVED = """
[DEFAULT]
http_port = 0
[server:main]
use = egg:ChatApp#http
host = 127.0.0.1
port = %(http_port)s
[app:main]
use = SMALL:make_app
number = 1
"""

LOGGED = """
[server:main]
use = SMALL:make_server
[app:main]
use = SMALL:make_app
"""


def get(url):
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.read().decode()


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_application_of_the_file_is_served(paster_serve, ini):
    served = paster_serve(ini(SERVED))
    assert "number = 1\n" in get(served.url)


def test_variable_of_the_command_line_is_the_port(paster_serve, ini, taken_port):
    served = paster_serve(ini(SERVED), f"http_port={taken_port}")
    assert served.wait() == 1
    assert f"port {taken_port}" in served.log


def test_other_sections_can_be_named(paster_serve, ini):
    other = SERVED.replace(":main", ":other").replace("number = 1", "number = 2")
    served = paster_serve(ini(other), "--server-name", "other", "--app-name", "other")
    assert "number = 2\n" in get(served.url)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_with_exit_code_0_and_frees_the_port(paster_serve, ini, signum):
    served = paster_serve(ini(SERVED))
    port = int(served.url.rpartition(":")[2])
    assert served.stop(signum) == 0
    assert "Traceback" not in served.log
    with socket.create_server(("127.0.0.1", port)):
        pass


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("port = {taken}", "cannot listen on host 127.0.0.1 port {taken}: Address already in use"),
        ("port = many", "server option port = many: "),
        ("host = nowhere.invalid", "cannot listen on host nowhere.invalid port 0: "),
        ("host = 203.0.113.1", "cannot listen on host 203.0.113.1 port 0: Cannot assign"),
        ("host = unix:/no/such/directory/socket", ": No such file or directory"),
        ("shutdwn_timeout = 3", "did you mean shutdown_timeout?"),
        ("shutdown_timeout = soon", "shutdown_timeout = soon"),
        ("host =", "an empty host is ambiguous"),
        ("monkey_patch = perhaps", "monkey_patch: String is not true/false: 'perhaps'"),
    ],
)
def test_server_that_cannot_start_is_one_line(paster_serve, ini, taken_port, option, message):
    name = option.partition(" ")[0]
    lines = [line for line in SERVED.splitlines() if not line.startswith(f"{name} =")]
    lines.insert(lines.index("[server:main]") + 1, option.format(taken=taken_port))
    served = paster_serve(ini("\n".join(lines)))
    assert served.wait() == 1
    (line,) = served.lines
    assert re.match(r"paster serve: \[server:main\] of \S+x\.ini: ", line)
    assert message.format(taken=taken_port) in line


@pytest.mark.parametrize(
    ("section", "patched"),
    [
        ("egg:ChatApp#http", True),
        ("egg:ChatApp#http\nmonkey_patch = false", False),
        ("call:cogen.web.wsgi:server_factory", True),
        ("config:other.ini", True),
        ("config:other.ini\nmonkey_patch = no", False),
    ],
)
def test_standard_library_is_patched_for_our_server_unless_it_says_no(
    paster_serve, ini, section, patched
):
    ini("[server:main]\nuse = egg:ChatApp#http\nmonkey_patch = true\n", "other.ini")
    served = paster_serve(
        ini(f"[server:main]\nuse = {section}\nport = 0\n[app:main]\nuse = SMALL:make_patched_app\n")
    )
    assert f"patched = {patched}" in get(served.url)


def test_another_server_is_not_patched(paster_serve, ini):
    served = paster_serve(ini(LOGGED))
    assert served.wait() == 0
    assert "patched False" in served.log


def test_nothing_that_gevent_warns_of_is_imported_before_the_patching(paster_serve, ini):
    served = paster_serve(ini(SERVED), PYTHONWARNINGS="error")
    assert "number = 1\n" in get(served.url)


def test_options_reach_a_server_of_any_kind(paster_serve, ini):
    served = paster_serve(ini(LOGGED.replace("make_server", "make_server\na = b")))
    assert served.wait() == 0
    assert "options [('a', 'b')]" in served.log


def test_server_runner_that_refuses_an_option_is_one_line(paster_serve, ini):
    served = paster_serve(
        ini("""
        [server:main]
        use = egg:waitress
        colour = red
        [app:main]
        use = SMALL:make_app
    """)
    )
    assert served.wait() == 1
    (line,) = served.lines
    assert "[server:main]" in line
    assert "colour" in line


def test_variable_for_nothing_is_a_warning(paster_serve, ini):
    served = paster_serve(ini(SERVED), "http_prot=0", "nosuch=1")
    assert served.url
    assert "x.ini uses the variable http_prot; do you mean http_port?" in served.log
    assert "x.ini uses the variable nosuch: it does nothing" in served.log


# Reloading.


@pytest.fixture
def reloading(paster_serve, ini, tmp_path):
    """Serve a package with a template, under --reload, on a port that stays the same."""
    package = tmp_path / "reloadable"
    (package / "templates").mkdir(parents=True)
    (package / "templates" / "page.mako").write_text("template one")
    (package / "__init__.py").write_text("")
    (package / "app.py").write_text(
        "import pathlib\n"
        "GREETING = 'module one'\n"
        "PAGE = (pathlib.Path(__file__).parent / 'templates' / 'page.mako').read_text()\n"
        "def make_app(global_conf, **conf):\n"
        "    def app(environ, start_response):\n"
        "        start_response('200 OK', [('Content-Type', 'text/plain')])\n"
        "        return [f'{GREETING}, {PAGE}, {conf[\"word\"]}'.encode()]\n"
        "    return app\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    path = ini(
        SERVED.replace("SMALL:make_app\nnumber = 1", "call:reloadable.app:make_app\nword = ini one")
    )
    return paster_serve(path, "--reload", f"http_port={port}", PYTHONPATH=str(tmp_path))


def child_of(served):
    return int(served.wait_for(r"Starting monitor for PID (\d+)")[1])


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def edit(served, path, old, new):
    """Change a file, and wait until the change is noticed."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    served.wait_for(rf"{re.escape(path.name)} changed; reloading")


@pytest.mark.slow  # each of three restarts takes two seconds
def test_change_of_module_template_or_ini_file_starts_it_again(reloading, tmp_path):
    child = child_of(reloading)
    url = reloading.url
    assert get(url) == "module one, template one, ini one"

    for path, old, new, text in [
        ("reloadable/app.py", "module one", "module two!", "module two!, template one, ini one"),
        (
            "reloadable/templates/page.mako",
            "template one",
            "template two!",
            "module two!, template two!, ini one",
        ),
        ("x.ini", "ini one", "ini two!", "module two!, template two!, ini two!"),
    ]:
        edit(reloading, tmp_path / path, old, new)
        former, child = child, child_of(reloading)
        assert not is_alive(former)
        assert reloading.wait_for(r"serving on (\S+)")[1] == url
        assert get(url) == text
    assert reloading.stop() == 0
    assert not is_alive(child)
    assert "forcefully" not in reloading.log
    assert "Traceback" not in reloading.log


@pytest.mark.slow
def test_mistake_in_a_module_is_waited_out(reloading, tmp_path):
    module = tmp_path / "reloadable" / "app.py"
    url = reloading.url
    edit(reloading, module, "import pathlib\n", "import pathlib, nothing_such\n")
    reloading.wait_for("No module named 'nothing_such'")
    # hupper misses a change in the second that it gives a process to die.
    reloading.wait_for("Waiting for a file to change")
    edit(reloading, module, ", nothing_such", "")
    reloading.wait_for("serving on")
    assert get(url) == "module one, template one, ini one"
    assert reloading.stop() == 0


def test_change_in_the_first_moments_is_not_missed(reloading, tmp_path):
    child_of(reloading)
    url = reloading.url
    edit(reloading, tmp_path / "reloadable" / "app.py", "module one", "module two")
    child_of(reloading)
    reloading.wait_for("serving on")
    assert get(url).startswith("module two")


def test_child_ends_when_its_parent_was_killed(reloading):
    child = child_of(reloading)
    port = int(reloading.url.rpartition(":")[2])
    reloading.process.kill()
    reloading.wait()  # until the child, which has the log open too, has ended
    assert not is_alive(child)
    with socket.create_server(("127.0.0.1", port)):
        pass


@pytest.mark.slow
def test_request_that_runs_is_answered_when_a_file_changes(paster_serve, ini, tmp_path):
    path = ini(SERVED.replace("make_app\nnumber = 1", "make_waiting_app\nfile = %(here)s/go"))
    served = paster_serve(path, "--reload")
    url = served.url
    answers = []
    client = threading.Thread(target=lambda: answers.append(get(url)))
    client.start()
    served.wait_for("waiting begins")
    edit(served, tmp_path / "x.ini", "/go", "/go ")
    served.wait_for("stopping: 1 connections")
    time.sleep(1)  # longer than hupper waits by default
    (tmp_path / "go").touch()
    client.join(20)
    assert answers == ["went"]
    served.wait_for("serving on")
