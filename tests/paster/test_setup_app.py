"""``paster setup-app``: the application's own setting up."""

import json

import pytest

APP = """
def make_app(global_conf, **app_conf):
    raise AssertionError("it is not made for being set up")
"""

WEBSETUP = """
import json, pathlib
def setup_app(command, conf, vars):
    seen = {"ini": command.ini, "conf": dict(conf), "local": conf.local_conf, "vars": vars}
    (pathlib.Path(conf["here"]) / "seen.json").write_text(json.dumps(seen))
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Make a package with these modules, of a name that is not taken."""

    def make(name, **modules):
        (tmp_path / name).mkdir()
        for module, content in {"__init__": "", "app": APP, **modules}.items():
            (tmp_path / name / f"{module}.py").write_text(content)
        monkeypatch.syspath_prepend(tmp_path)

    return make


def seen(tmp_path):
    return json.loads((tmp_path / "seen.json").read_text())


def test_setup_app_gets_command_configuration_and_variables(paster, ini, package, tmp_path):
    package("settled", websetup=WEBSETUP)
    path = ini("[DEFAULT]\nd = 1\n[app:main]\nuse = call:settled.app:make_app\na = %(v)s\n")
    assert paster("setup-app", path, "v=2") == (0, "settled is set up\n", "")
    found = seen(tmp_path)
    assert found["ini"] == path
    assert found["local"] == {"a": "2"}
    assert found["vars"] == {"v": "2"}
    assert found["conf"].items() >= {"a": "2", "d": "1", "v": "2"}.items()


@pytest.mark.parametrize(
    "outside",
    [
        "[pipeline:main]\npipeline = upper inner\n[app:inner]\n",
        "[filter-app:main]\nuse = SMALL:make_upper\nnext = inner\n[app:inner]\n",
        "[app:main]\nfilter-with = upper\n",
    ],
)
def test_configuration_is_the_innermost_applications(paster, ini, package, tmp_path, outside):
    package("wrapped", websetup=WEBSETUP)
    path = ini(
        outside + "use = call:wrapped.app:make_app\na = 1\n[filter:upper]\nuse = SMALL:make_upper\n"
    )
    code, _, err = paster("setup-app", path)
    assert (code, err) == (0, "")
    assert seen(tmp_path)["local"] == {"a": "1"}


def test_value_that_setup_app_refuses_is_one_line_with_its_place(paster, ini, package):
    package("strict", websetup="def setup_app(command, conf, vars):\n    int(conf['a'])\n")
    code, out, err = paster("setup-app", ini("[app:main]\nuse = call:strict.app:make_app\na = x\n"))
    assert (code, out) == (1, "")
    assert "x.ini: invalid literal for int() with base 10: 'x' (" in err
    assert err.endswith("websetup.py, line 2)\n")
    assert err.count("\n") == 1


def test_package_without_websetup_is_one_line(paster, ini, package):
    package("bare")
    code, out, err = paster("setup-app", ini("[app:main]\nuse = call:bare.app:make_app\n"))
    assert (code, out) == (1, "")
    assert err.endswith("there is no module bare.websetup to set it up\n")


def test_websetup_without_setup_app_is_one_line(paster, ini, package):
    package("hollow", websetup="")
    code, _, err = paster("setup-app", ini("[app:main]\nuse = call:hollow.app:make_app\n"))
    assert code == 1
    assert "hollow.websetup has no function setup_app" in err
