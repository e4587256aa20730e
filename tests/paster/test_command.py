"""The command line as such: sub-commands, arguments, errors, exit codes."""

import importlib
import logging

import pytest

from paster.command import COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_its_summary(paster, command):
    code, out, err = paster(command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: paster {command}")
    summary = importlib.import_module(COMMANDS[command]).SUMMARY
    assert summary in " ".join(out.split())


def test_help_lists_the_commands(paster):
    code, out, err = paster("--help")
    assert (code, err) == (0, "")
    assert all(command in out for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND;"),
        (["dance"], "invalid choice: 'dance'"),
        (["serve"], "the following arguments are required: INI;"),
        (["request", "x.ini"], "the following arguments are required: URL;"),
        (["request", "x.ini", "http://[::1"], "'http://[::1' is no URL: Invalid IPv6 URL"),
        (["request", "x.ini", "index.html"], "'index.html' begins with neither / nor http://"),
        (["serve", "x.ini", "--relod"], "unrecognized arguments: --relod"),
        (["serve", "x.ini", "8080"], "'8080' is not of the form NAME=VALUE"),
        (["serve", "x.ini", "=8080"], "'=8080' is not of the form NAME=VALUE"),
        (["request", "x.ini", "/", "--header", "X"], "'X' is not of the form NAME:VALUE"),
    ],
)
def test_wrong_command_line_is_one_line_and_exit_code_2(paster, arguments, message):
    code, out, err = paster(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("paster")
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"make-config", "request"}))
def test_missing_file_is_one_line_and_exit_code_1(paster, command):
    code, out, err = paster(command, "absent.ini")
    assert (code, out) == (1, "")
    assert err == f"paster {command}: cannot read absent.ini: No such file or directory\n"


def test_variable_after_an_option_is_a_variable(paster, ini):
    path = ini("[server:main]\nuse = SMALL:make_server\n[app:b]\nuse = SMALL:make_app\n")
    code, _, err = paster("serve", path, "--app-name", "a", "x=1")
    assert code == 1
    assert "No section 'a'" in err


def test_cause_of_an_error_is_logged_for_debugging(paster, caplog):
    caplog.set_level(logging.DEBUG, "paster")
    paster("routes", "absent.ini")
    (record,) = caplog.records
    assert record.exc_info[0] is FileNotFoundError


def test_interrupt_is_no_traceback(paster, ini, monkeypatch):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr("paster.routes.run", interrupted)
    assert paster("routes", "x.ini") == (130, "", "")
