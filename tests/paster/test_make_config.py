"""``paster make-config``: an ini file with a secret of its own."""

import os
import re
import stat

import pytest


@pytest.fixture
def packaged(distribution):
    """Install a distribution whose package has this template."""

    def make(name, template=None):
        directory = distribution(name, f"[paste.app_factory]\nmain = {name}_package.app:make_app\n")
        config = directory / f"{name}_package" / "config"
        config.mkdir(parents=True)
        (config.parent / "__init__.py").touch()
        if template is not None:
            (config / "deployment.ini_tmpl").write_text(template)

    return make


def test_each_file_has_its_own_secret_and_only_its_owner_reads_it(paster, packaged, tmp_path):
    packaged("keeper", "secret = ${app_instance_secret}\nuuid = ${app_instance_uuid}\nv = $v\n")
    texts = []
    for name in ("a.ini", "b.ini"):
        path = tmp_path / name
        code, out, err = paster("make-config", "keeper", str(path), "v=1")
        assert (code, err) == (0, "")
        assert f"paster serve {path}" in out
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        texts.append(path.read_text())
        assert re.fullmatch(r"secret = [0-9a-f]{64}\nuuid = [0-9a-f-]{36}\nv = 1\n", texts[-1])
    assert not set(texts[0].splitlines()[:2]) & set(texts[1].splitlines()[:2])


def test_file_that_is_there_is_left_alone(paster, packaged, tmp_path):
    packaged("careful", "new")
    path = tmp_path / "a.ini"
    path.write_text("old")
    code, _, err = paster("make-config", "careful", str(path))
    assert code == 1
    assert err == f"paster make-config: cannot write {path}: File exists\n"
    assert path.read_text() == "old"


def test_value_that_is_missing_is_named(paster, packaged, tmp_path):
    packaged("asking", "v = ${colour}")
    code, _, err = paster("make-config", "asking", str(tmp_path / "a.ini"))
    assert code == 1
    assert "give colour=..." in err
    assert not (tmp_path / "a.ini").exists()


def test_variable_that_the_template_has_no_place_for_is_refused(paster, packaged, tmp_path):
    packaged("exact", "v = ${colour} ${app_instance_secret}")
    code, _, err = paster("make-config", "exact", str(tmp_path / "a.ini"), "color=1", "colour=1")
    assert code == 1
    assert "no ${color}; it takes colour, app_instance_secret\n" in err
    assert not (tmp_path / "a.ini").exists()


def test_template_that_is_none_is_one_line(paster, packaged, tmp_path):
    packaged("dear", "price = 5 $")
    code, _, err = paster("make-config", "dear", str(tmp_path / "a.ini"))
    assert code == 1
    assert "template is wrong: Invalid placeholder in string: line 1, col 11 (write $$ " in err


def test_distribution_that_is_not_there_or_has_no_template(paster, packaged, tmp_path):
    packaged("plain")
    path = str(tmp_path / "a.ini")
    assert "no distribution Absent" in paster("make-config", "Absent", path)[2]
    assert "no config/deployment.ini_tmpl" in paster("make-config", "plain", path)[2]
    assert "no config/deployment.ini_tmpl" in paster("make-config", "pytest", path)[2]


def test_chats_file_serves_the_chat(paster, paster_serve, tmp_path):
    path = tmp_path / "production.ini"
    assert paster("make-config", "ChatApp", str(path))[0] == 0
    path.write_text(path.read_text().replace("port = 5000", "port = 0"))
    served = paster_serve(str(path))
    assert served.url
    assert "random" not in served.log
