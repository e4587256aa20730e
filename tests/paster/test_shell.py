"""``paster shell``: a prompt with the application in it."""

import subprocess
import sys


def shell(path, *lines):
    return subprocess.run(
        [sys.executable, "-m", "paster", "shell", path],
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_application_can_be_asked_at_the_prompt(ini):
    done = shell(
        ini("[app:main]\nuse = egg:ChatApp\n"),
        "app.get('/chat/pull/bob').status",
        "wsgiapp is not None, config['pylons.package']",
    )
    assert done.returncode == 0
    assert "'200 OK'" in done.stdout
    assert "(True, 'chatapp')" in done.stdout
    assert "is loaded: wsgiapp, config, app" in done.stderr
