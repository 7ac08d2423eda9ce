"""A person relies on: help begins with something to type, and every option stands under a heading."""

from __future__ import annotations

import click
import pytest

from beholder.cli import _run, beholder
from beholder.cli.help import HelpfulCommand

HELPFUL = [name for name, command in beholder.commands.items() if isinstance(command, HelpfulCommand)]


@pytest.mark.parametrize("name", HELPFUL)
def test_help_shows_examples_and_then_every_option_once(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert _run([name, "--help"]) == 0
    text = capfd.readouterr().out
    before, _, rest = text.partition("\nOther options:\n")
    assert rest.split() == ["-h,", "--help", "Show", "this", "message", "and", "exit."]
    assert before.index("\nExamples:\n  beholder ") < before.index("  --")
    for option in beholder.commands[name].params:
        if isinstance(option, click.Option):
            assert f"\n  {option.opts[-1]} " in before, option.name


@pytest.mark.parametrize("name", HELPFUL)
def test_the_examples_are_understood(name: str) -> None:
    command = beholder.commands[name]
    assert isinstance(command, HelpfulCommand)
    for line in command.examples:
        program, called, *arguments = line.partition(" >")[0].split()
        assert (program, called) == ("beholder", name)
        # The settings are the program's: a command keeps the help option that it was first asked with.
        with command.make_context(name, arguments, parent=click.Context(beholder, **beholder.context_settings)):
            pass
