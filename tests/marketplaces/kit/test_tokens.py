from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from monitor.errors import AuthError, Stopping, Transient
from monitor.marketplaces.base import Outside
from monitor.marketplaces.kit.tokens import RENEWAL_MARGIN, Token, Tokens, no_refresh
from monitor.marketplaces.testing import NOW, RecordedMemory, RecordedSleep, make_outside

HOUR = 3600.0
SECRET = "geheim"
START = Token("first", "refresh-0", NOW + HOUR)


@dataclass
class Site:
    """Gives a new token each time; remembers by which one it was asked."""

    asked: list[Token | None] = field(default_factory=list)
    memory: RecordedMemory = field(default_factory=RecordedMemory)

    def refresh(self, old: Token | None) -> Token:
        self.asked.append(old)
        number = len(self.asked)
        return Token(f"access-{number}", f"refresh-{number}", self.memory.now + HOUR)

    def tokens(self, start: Token | None = START, secret: str = SECRET) -> Tokens:
        outside = make_outside(memory=self.memory)
        return Tokens("acme", outside, secret=secret, start=start, refresh=self.refresh)


@pytest.fixture
def site() -> Site:
    return Site()


def test_the_configs_token_is_used_until_five_minutes_before_its_end(site: Site) -> None:
    assert site.tokens().current() == "first"
    site.memory.now += HOUR - RENEWAL_MARGIN.total_seconds() - 1
    assert site.tokens().current() == "first"
    site.memory.now += 2
    assert site.tokens().current() == "access-1"
    assert site.asked == [START]


def test_the_newest_refresh_token_outlives_a_restart(site: Site) -> None:
    site.memory.now += HOUR
    site.tokens().current()
    site.memory.now += HOUR
    assert site.tokens().current() == "access-2"
    last = site.asked[-1]
    assert last is not None
    assert last.refresh == "refresh-1"


def test_a_token_that_never_ends_is_never_refreshed(site: Site) -> None:
    site.memory.now += 1000 * HOUR
    assert site.tokens(Token("static")).current() == "static"
    assert site.asked == []


def test_without_a_token_to_start_with_the_first_comes_from_the_site(site: Site) -> None:
    tokens = site.tokens(None)
    assert [tokens.current(), tokens.current()] == ["access-1", "access-1"]
    assert site.asked == [None]


def test_a_refused_token_is_refreshed_once_for_all_who_had_it(site: Site) -> None:
    one, other = site.tokens(), site.tokens()
    assert one.renew("first") == "access-1"
    assert other.renew("first") == "access-1"
    assert len(site.asked) == 1


def test_nothing_kept_can_be_read_without_the_accounts_secret(site: Site) -> None:
    site.tokens().renew("first")
    kept = json.dumps(site.memory.kept)
    assert "access-1" not in kept
    assert "refresh-1" not in kept
    assert site.tokens(secret="another").current() == "first"


def test_a_new_token_in_the_config_wins_over_what_is_kept(site: Site) -> None:
    site.tokens().renew("first")
    assert site.tokens(Token("anew", "r")).current() == "anew"
    assert site.tokens().current() == "access-1"


def test_what_is_kept_but_damaged_is_as_if_it_were_not_there(site: Site) -> None:
    site.tokens().renew("first")
    for key in site.memory.kept:
        site.memory.keep(key, "damaged")
    assert site.tokens().current() == "first"


def test_nobody_refreshes_while_another_process_does(site: Site) -> None:
    site.memory.claim("token refresh", RENEWAL_MARGIN)
    sleep = RecordedSleep()
    outside = make_outside(sleep=sleep, memory=site.memory)
    waiting = Tokens("acme", outside, secret="geheim", start=START, refresh=site.refresh)
    with pytest.raises(Transient, match="acme: another process"):
        waiting.renew("first")
    assert site.asked == []
    assert 100 < sum(sleep.calls) < 200


def test_a_refresh_that_waits_long_for_its_turn_stays_alone(site: Site) -> None:
    def refresh(old: Token | None) -> Token:
        site.memory.now += 16 * 60
        assert not site.memory.claim("token refresh", RENEWAL_MARGIN)
        return site.refresh(old)

    outside = make_outside(memory=site.memory)
    tokens = Tokens("acme", outside, secret=SECRET, start=START, refresh=refresh)
    assert tokens.renew("first") == "access-1"
    assert site.memory.claim("token refresh", RENEWAL_MARGIN)


def test_the_token_that_another_process_got_meanwhile_is_taken(site: Site) -> None:
    site.memory.claim("token refresh", RENEWAL_MARGIN)
    other = Site(memory=RecordedMemory())

    class Arrives(RecordedSleep):
        """While it sleeps, the other process is done."""

        def __call__(self, seconds: float) -> None:
            other.tokens().renew("first")
            site.memory.kept.update(other.memory.kept)

    outside = make_outside(sleep=Arrives(), memory=site.memory)
    waiting = Tokens("acme", outside, secret="geheim", start=START, refresh=site.refresh)
    assert waiting.renew("first") == "access-1"
    assert site.asked == []


def test_a_refresh_that_fails_lets_others_try(site: Site) -> None:
    def fail(_: Token | None) -> Token:
        raise Transient("acme: down")

    outside: Outside = make_outside(memory=site.memory)
    with pytest.raises(Transient):
        Tokens("acme", outside, secret="geheim", start=START, refresh=fail).renew("first")
    assert site.tokens().renew("first") == "access-1"


def test_a_stop_while_waiting_is_passed_on(site: Site) -> None:
    site.memory.claim("token refresh", RENEWAL_MARGIN)
    sleep = RecordedSleep(stop=Stopping("told to stop"))
    outside = make_outside(sleep=sleep, memory=site.memory)
    with pytest.raises(Stopping):
        Tokens("acme", outside, secret="geheim", start=START, refresh=site.refresh).renew("first")


def test_without_anything_to_refresh_by_the_message_says_what_to_do(site: Site) -> None:
    outside = make_outside(memory=site.memory)
    tokens = Tokens(
        "acme", outside, secret="geheim", start=Token("static"), refresh=no_refresh("acme")
    )
    with pytest.raises(AuthError, match=r"acme: .*set it in the config"):
        tokens.renew("static")
