"""`monitor channels`: whether messages arrive."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from monitor.cli.context import load_config
from monitor.cli.show import show_json
from monitor.errors import ChannelError, InputError, OutsideError
from monitor.model import Message
from monitor.words import read_words

if TYPE_CHECKING:
    from monitor.channels import Channel


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a test message; `error` is None where it was accepted."""

    channel: str
    error: str | None


@click.group()
def channels() -> None:
    """Test channels."""


@channels.command("test")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the outcomes as JSON.")
@click.pass_context
def test(ctx: click.Context, name: str | None, *, as_json: bool) -> int:
    """Send a test message through the channel NAME, or through every channel.

    Exits 0 when all were accepted, 3 when one was not.
    """
    from monitor.channels import Channel

    config = load_config(ctx)
    if name is not None and name not in config.channels:
        known = ", ".join(config.channels) or "none"
        raise InputError(f"there is no channel {name!r}; the config has: {known}")
    outcomes: list[Outcome] = []
    for each, item in config.channels.items():
        if name in (None, each):
            channel = Channel(each, item.url.get_secret_value())
            outcomes.append(_try(channel, item.language))
            if not as_json:
                click.echo(f"{each}: {outcomes[-1].error or 'sent'}")
    if as_json:
        show_json([dataclasses.asdict(outcome) for outcome in outcomes])
    return OutsideError.exit_code if any(outcome.error for outcome in outcomes) else 0


def _try(channel: Channel, language: str) -> Outcome:
    words = read_words(language)
    message = Message(words.say("channel_test.title"), words.say("channel_test.text"))
    try:
        channel.send(message)
    except ChannelError as error:
        return Outcome(channel.name, str(error).removeprefix(f"channel {channel.name}: "))
    return Outcome(channel.name, None)
