"""The ini file: variables, chained files, and what is wrong with one."""

import pytest
from paste.deploy import loadwsgi

from paster.errors import CommandError
from paster.ini import open_ini

APP, SERVER = loadwsgi.APP, loadwsgi.SERVER


def local_conf(path, object_type=APP, name="main", **variables):
    """Return the options that PasteDeploy would call the factory with."""
    return open_ini(path, variables).get_context(object_type, name).local_conf


def test_default_is_used_without_a_variable(ini):
    path = ini("""
        [DEFAULT]
        http_port = 5000
        [server:main]
        use = SMALL:make_server
        port = %(http_port)s
    """)
    assert local_conf(path, SERVER) == {"port": "5000"}


def test_variable_wins_over_default(ini):
    path = ini("""
        [DEFAULT]
        http_port = 5000
        [server:main]
        use = SMALL:make_server
        port = %(http_port)s
    """)
    assert local_conf(path, SERVER, http_port="8080") == {"port": "8080"}
    assert open_ini(path, {"http_port": "8080"}).get_context(SERVER).global_conf["http_port"] == (
        "8080"
    )


def test_variable_needs_no_default(ini):
    path = ini("""
        [server:main]
        use = SMALL:make_server
        port = %(http_port)s
    """)
    assert local_conf(path, SERVER, http_port="8080") == {"port": "8080"}


def test_variable_wins_over_the_default_of_a_chained_file(ini):
    ini(
        """
        [DEFAULT]
        name = other
        [app:main]
        use = SMALL:make_app
        greeting = hello %(name)s
        """,
        "other.ini",
    )
    path = ini("""
        [app:main]
        use = config:other.ini
    """)
    assert local_conf(path) == {"greeting": "hello other"}
    assert open_ini(path, {"name": "you"}).get_context(APP).local_conf == {"greeting": "hello you"}


def test_default_and_here_of_a_chained_file_are_its_own(ini, tmp_path):
    (tmp_path / "sub").mkdir()
    ini(
        """
        [DEFAULT]
        name = inner
        [app:main]
        use = SMALL:make_app
        v = %(name)s %(more)s %(here)s
        """,
        "sub/other.ini",
    )
    path = ini("""
        [DEFAULT]
        name = outer
        more = 100%%
        [app:main]
        use = config:sub/other.ini
    """)
    assert local_conf(path) == {"v": f"inner 100% {tmp_path / 'sub'}"}


def test_options_of_the_outer_file_win_over_the_chained_one(ini):
    ini("[app:inner]\nuse = SMALL:make_app\na = 1\nb = 1\n", "other.ini")
    path = ini("[app:main]\nuse = config:other.ini#inner\nb = 2\n")
    assert local_conf(path) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("name", ["plain", "a%20b", "100%"])
def test_per_cent_in_variable_and_directory_is_literal(tmp_path, name):
    directory = tmp_path / name
    directory.mkdir()
    path = directory / "x.ini"
    path.write_text("[app:main]\nuse = config:y.ini\n")
    (directory / "y.ini").write_text(
        "[app:main]\nuse = call:tests.paster.small:make_app\nv = %(here)s %(share)s\n"
    )
    conf = open_ini(str(path), {"share": "50%"}).get_context(APP).local_conf
    assert conf == {"v": f"{directory} 50%"}


def test_variable_named_as_an_option_is_refused_with_the_remedy(ini):
    path = ini("""
        [server:main]
        use = SMALL:make_server
        port = 5000
    """)
    with pytest.raises(CommandError, match=r"port is an option of \[server:main\].*my_port=8080"):
        open_ini(path, {"port": "8080"}).get_context(SERVER)


def test_variable_named_as_an_option_of_another_section_is_none_of_our_business(ini):
    path = ini("""
        [app:main]
        use = SMALL:make_app
        [other]
        port = 5000
    """)
    assert local_conf(path, port="8080") == {}


def unused(path, **variables):
    ini = open_ini(path, variables)
    ini.get_context(APP)
    return list(ini.unused())


@pytest.mark.parametrize("name", ["default", "used", "chained", "got", "composed", "app.option"])
def test_variable_with_a_use_is_not_complained_of(ini, name):
    ini("[app:main]\nuse = SMALL:make_app\na = %(chained)s\n", "other.ini")
    ini("[filter:main]\nuse = SMALL:make_upper\na = %(composed)s\n", "third.ini")
    path = ini("""
        [DEFAULT]
        default = 1
        got = 2
        [server:main]
        port = %(used)s
        [app:main]
        use = config:other.ini
        get b = got
        filter-with = third
        [filter:third]
        use = config:third.ini
    """)
    given = dict.fromkeys(["used", "chained", "composed"], "0") | {name: "1"}
    assert unused(path, **given) == []


def test_variable_for_nothing_is_told_with_its_nearest(ini):
    ini("[app:main]\nuse = SMALL:make_app\na = %(colour)s\n", "other.ini")
    path = ini("""
        [app:main]
        use = config:other.ini
        [formatter_generic]
        format = %(levelname)s
    """)
    found = unused(path, colour="red", color="red", levelname="x", x="1")
    assert [line[: line.index(" uses")].count(".ini") for line in found] == [2, 2, 2]
    assert [line.partition(" uses ")[2] for line in found] == [
        "the variable color; do you mean colour?",
        "the variable levelname: it does nothing, unless the application asks for it by itself",
        "the variable x: it does nothing, unless the application asks for it by itself",
    ]


def test_sections_follow_names_pipelines_and_files(ini):
    ini("[app:deep]\nuse = egg:ChatApp\n", "other.ini")
    path = ini("""
        [pipeline:main]
        pipeline = upper named
        [filter:upper]
        use = SMALL:make_upper
        [app:named]
        use = filtered
        [filter-app:filtered]
        use = SMALL:make_upper
        next = config:other.ini#deep
    """)
    sections = open_ini(path, {}).sections(APP, "main")
    assert [section.name for section in sections] == [
        "pipeline:main",
        "app:named",
        "filter-app:filtered",
        "app:deep",
    ]
    assert str(sections[-1]).startswith("[app:deep] of ")
    assert str(sections[-1]).endswith("other.ini")


@pytest.mark.parametrize("use", ["main", "config:x.ini", "config:x.ini#main"])
def test_section_that_uses_itself_is_an_error(ini, use):
    path = ini(f"[app:main]\nuse = {use}\n")
    with pytest.raises(CommandError, match=r"\[app:main\] of .*x.ini uses itself"):
        open_ini(path, {}).sections(APP, "main")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "No section 'main' .*app"),
        ("[app:other]\nuse = SMALL:make_app\n", "No section 'main' .*app"),
        ("[app:main]\nuse = nowhere\n", "No section 'nowhere'"),
        ("[app:main]\nuse = config:missing.ini\n", "cannot read .*missing.ini: No such file"),
        ("[app:main]\nuse = %(absent)s\n", "absent"),
        ("[pipeline:main]\n", "pipeline"),
        ("[app:main]\nuse = a\n[composite:main]\nuse = b\n", "Ambiguous"),
    ],
)
def test_wrong_section_is_one_line(ini, content, message):
    with pytest.raises(CommandError, match=message) as error:
        open_ini(ini(content), {}).sections(APP, "main")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"use = before any section\n", "no section headers"),
        (b"[app:main]\nuse\n", "parsing errors"),
        (b"[a]\n[a]\n", "already exists"),
        (b"\xff\xfe\x00", "codec can't decode"),
    ],
)
def test_file_that_is_no_ini_file_is_one_line(tmp_path, content, message):
    path = tmp_path / "x.ini"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=message) as error:
        open_ini(str(path), {})
    assert "\n" not in str(error.value)


def test_missing_file_and_directory(tmp_path):
    with pytest.raises(CommandError, match=r"cannot read absent\.ini: No such file or directory"):
        open_ini("absent.ini", {})
    with pytest.raises(CommandError, match="Is a directory"):
        open_ini(str(tmp_path), {})


@pytest.mark.parametrize(
    ("section", "module"),
    [
        ("use = egg:Small", "small.main"),
        ("use = egg:Small#http", "small.wsgi"),
        ("use = egg:Small#absent", ""),
        ("use = egg:Absent", ""),
        ("use = call:some.module:make.server", "some.module"),
        ("paste.server_factory = some.module:make_server", "some.module"),
        ("paste.server_runner = some.module:run", ""),
    ],
)
def test_module_of_a_factory_is_found_without_importing_it(ini, distribution, section, module):
    distribution(
        "Small",
        """
        [paste.server_factory]
        main = small.main:make
        http = small.wsgi:make
        [paste.app_factory]
        main = small.app:make
        """,
    )
    path = ini(f"[server:main]\n{section}\n")
    (found,) = open_ini(path, {}).sections(SERVER, "main")
    assert found.factory_module("paste.server_factory") == module
