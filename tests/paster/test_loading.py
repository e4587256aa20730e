"""From an ini file to objects: what can't be loaded is one line, logging comes from the file."""

import logging
import logging.config

import pytest
from paste.deploy import loadwsgi
from webob import Request

from paster.errors import CommandError
from paster.ini import open_ini
from paster.loading import configure_logging, context_of, create


def load(path, name="main", **variables):
    section = open_ini(path, variables).sections(loadwsgi.APP, name)[0]
    return create(section, context_of(section, loadwsgi.APP))


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module that an ini file can name."""

    def write(name, content):
        monkeypatch.syspath_prepend(tmp_path)
        (tmp_path / f"{name}.py").write_text(content)

    return write


def test_pipeline_is_loaded(ini):
    path = ini("""
        [pipeline:main]
        pipeline = upper small
        [filter:upper]
        use = SMALL:make_upper
        [app:small]
        use = SMALL:make_app
        a = b
    """)
    assert "A = B\n" in Request.blank("/").send(load(path)).text


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("use = egg:Absent", r"no distribution Absent is installed"),
        ("use = egg:pytest#absent", r"Entry point 'absent' not found in egg 'pytest'"),
        ("use = call:no_such_module:f", r"No module named 'no_such_module'$"),
        ("use = SMALL:absent", r"no attribute 'absent'"),
        ("use = nonsense:x", r"URI scheme not known"),
        ("paste.app_factory = no_such_module:f", r"No module named 'no_such_module'$"),
        ("a = b", r"No loader given in section 'app:main'"),
        ("use = SMALL:make_app\nget a = absent", r"KeyError: 'absent'"),
        ("use = SMALL:make_app\na = %(absent)s", r"absent"),
        ("use = SMALL:make_app\nnumber = x", r"invalid literal.*'x' \(.*small\.py, line \d+\)$"),
    ],
)
def test_what_cannot_be_loaded_is_one_line_with_its_section(ini, section, message):
    with pytest.raises(CommandError, match=message) as error:
        load(ini(f"[app:main]\n{section}\n"))
    assert str(error.value).startswith("[app:main] of ")
    assert "\n" not in str(error.value)


def test_import_error_inside_the_application_says_where(ini, module):
    module("brokenapp", "import os\nimport no_such_library\n")
    with pytest.raises(CommandError, match=r"'no_such_library' \(.*brokenapp\.py, line 2\)$"):
        load(ini("[app:main]\nuse = call:brokenapp:make_app\n"))


def test_error_of_the_application_itself_keeps_its_traceback(ini, module):
    module("buggyapp", "def make_app(global_conf):\n    return {}['bug']\n")
    with pytest.raises(KeyError, match="bug"):
        load(ini("[app:main]\nuse = call:buggyapp:make_app\n"))


@pytest.fixture
def root_logger():
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


LOGGING = """
[loggers]
keys = root
[handlers]
keys = file
[formatters]
keys = plain
[logger_root]
level = %(log_level)s
handlers = file
[handler_file]
class = FileHandler
args = ("%(here)s/x.log", "a", None, True)
formatter = plain
[formatter_plain]
format = %(levelname)s: %(message)s
"""


def app_sections(path, **variables):
    return open_ini(path, variables).sections(loadwsgi.APP, "main")


def test_logging_is_configured_from_the_file(ini, tmp_path, root_logger):
    path = ini("[app:main]\nuse = SMALL:make_app\n" + LOGGING)
    configure_logging(app_sections(path, log_level="WARNING"))
    logging.getLogger("some.where").info("no")
    logging.getLogger("some.where").warning("yes")
    assert (tmp_path / "x.log").read_text() == "WARNING: yes\n"


def test_logging_comes_from_the_chained_file_if_the_first_has_none(ini, tmp_path, root_logger):
    ini("[app:main]\nuse = SMALL:make_app\n" + LOGGING, "other.ini")
    path = ini("[app:main]\nuse = config:other.ini\n")
    configure_logging(app_sections(path, log_level="INFO"))
    logging.getLogger("some.where").info("yes")
    assert (tmp_path / "x.log").read_text() == "INFO: yes\n"


def test_existing_loggers_stay_enabled(ini, root_logger):
    early = logging.getLogger("made.before")
    path = ini("[app:main]\nuse = SMALL:make_app\n" + LOGGING)
    configure_logging(app_sections(path, log_level="INFO"))
    assert not early.disabled


def test_without_loggers_everything_from_info_goes_to_standard_error(ini, root_logger, capsys):
    root_logger.handlers[:] = []
    configure_logging(app_sections(ini("[app:main]\nuse = SMALL:make_app\n")))
    logging.getLogger("some.where").info("served")
    logging.getLogger("some.where").debug("detail")
    err = capsys.readouterr().err
    assert "some.where served" in err
    assert "detail" not in err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("%(log_level)s", "LOUD"),
        ("keys = file", "keys = absent"),
        ("FileHandler", "NoHandler"),
        ('"%(here)s/x.log"', "1/0"),
        ("True)", "no)"),
    ],
)
def test_wrong_logging_section_is_one_line(ini, root_logger, old, new):
    path = ini("[app:main]\nuse = SMALL:make_app\n" + LOGGING.replace(old, new))
    with pytest.raises(CommandError, match=r"^logging of .*x\.ini: \w+Error: ") as error:
        configure_logging(app_sections(path, log_level="INFO"))
    assert "\n" not in str(error.value)
