from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli import cli
from tests.channels.receivers import free_port, http_hook
from tests.config.configs import GOOD, SECRET, swap, write

BAD = swap('every = "6h"', 'evry = "6h"')


@pytest.fixture
def runner() -> CliRunner:
    """Without the variables of whoever runs the tests."""
    return CliRunner(env={"MONITOR_CONFIG": None, "STATE_DIRECTORY": None})


def invoke(runner: CliRunner, *words: object) -> Result:
    return runner.invoke(cli, [str(word) for word in words], standalone_mode=False)


def test_a_good_config_is_ok(runner: CliRunner, tmp_path: Path) -> None:
    result = invoke(runner, "check-config", write(tmp_path))
    assert result.return_value == 0
    assert result.stdout == "ok: 1 watch, 1 marketplace, 2 channels\n"


def test_every_problem_is_printed_with_file_line_and_key(runner: CliRunner, tmp_path: Path) -> None:
    file = write(tmp_path, BAD)
    result = invoke(runner, "check-config", file)
    assert result.return_value == 2
    assert result.stdout.splitlines() == [
        f"{file}:18: watch[0]: one of every and cron is needed, neither is given",
        f'{file}:22: watch[0].evry: unknown key; did you mean "every"?',
    ]
    assert result.stderr == "2 problems\n"


def test_problems_are_given_as_json(runner: CliRunner, tmp_path: Path) -> None:
    file = write(tmp_path, BAD)
    result = invoke(runner, "check-config", file, "--json")
    assert result.return_value == 2
    told = json.loads(result.stdout)
    assert told["ok"] is False
    assert told["problems"][1] == {
        "file": str(file),
        "line": 22,
        "key": "watch[0].evry",
        "message": 'unknown key; did you mean "every"?',
    }


def test_a_good_config_is_ok_as_json(runner: CliRunner, tmp_path: Path) -> None:
    result = invoke(runner, "check-config", write(tmp_path), "--json")
    assert json.loads(result.stdout)["ok"] is True


def test_the_config_may_be_named_by_option_or_variable(runner: CliRunner, tmp_path: Path) -> None:
    file = write(tmp_path)
    assert invoke(runner, "--config", file, "check-config").return_value == 0
    other = CliRunner(env={"MONITOR_CONFIG": str(file)})
    assert invoke(other, "check-config").return_value == 0


def test_no_config_at_all_is_a_problem(runner: CliRunner) -> None:
    result = invoke(runner, "check-config")
    assert result.return_value == 2
    assert "MONITOR_CONFIG" in result.stdout


def test_secrets_are_not_printed(runner: CliRunner, tmp_path: Path) -> None:
    text = swap("json://127.0.0.1:9000/legal", f"slak://{SECRET}")
    result = invoke(runner, "check-config", write(tmp_path, text))
    assert result.return_value == 2
    assert SECRET not in result.output


def channel_config(folder: Path, legal: int, ops: int) -> Path:
    text = swap("127.0.0.1:9000/legal", f"127.0.0.1:{legal}/{SECRET}", GOOD)
    return write(folder, swap("127.0.0.1:9000/ops", f"127.0.0.1:{ops}/", text))


def test_a_test_message_goes_through_every_channel(runner: CliRunner, tmp_path: Path) -> None:
    with http_hook() as legal, http_hook() as ops:
        file = channel_config(tmp_path, legal.port, ops.port)
        result = invoke(runner, "--config", file, "channels", "test")
        assert (len(legal.received), len(ops.received)) == (1, 1)
    assert result.return_value == 0
    assert result.stdout == "legal: sent\nops: sent\n"


def test_a_test_message_goes_through_the_named_channel_only(
    runner: CliRunner, tmp_path: Path
) -> None:
    with http_hook() as legal, http_hook() as ops:
        file = channel_config(tmp_path, legal.port, ops.port)
        result = invoke(runner, "--config", file, "channels", "test", "ops", "--json")
        assert (len(legal.received), len(ops.received)) == (0, 1)
    assert json.loads(result.stdout) == [{"channel": "ops", "error": None}]


def test_a_test_message_is_in_the_channels_language(runner: CliRunner, tmp_path: Path) -> None:
    with http_hook() as legal, http_hook() as ops:
        file = channel_config(tmp_path, legal.port, ops.port)
        text = file.read_text().replace("[channels.ops]\n", '[channels.ops]\nlanguage = "zh"\n')
        file.write_text(text)
        assert invoke(runner, "--config", file, "channels", "test").return_value == 0
    assert "this channel works" in str(legal.received)
    assert "此渠道工作正常" in str(ops.received)


def test_a_channel_that_fails_is_told_and_the_others_are_tried(
    runner: CliRunner, tmp_path: Path
) -> None:
    with http_hook() as ops:
        file = channel_config(tmp_path, free_port(), ops.port)
        result = invoke(runner, "--config", file, "channels", "test")
        assert len(ops.received) == 1
    assert result.return_value == 3
    assert result.stdout == "legal: not accepted: connection refused\nops: sent\n"
    assert SECRET not in result.output


def test_an_unknown_channel_is_told_with_the_known_ones(runner: CliRunner, tmp_path: Path) -> None:
    result = invoke(runner, "--config", write(tmp_path), "channels", "test", "lega")
    assert result.exception is not None
    assert str(result.exception) == "there is no channel 'lega'; the config has: legal, ops"
    assert result.exit_code != 0
