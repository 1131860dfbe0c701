"""The built-in marketplaces keep the contract that ships for the adapters of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest

from monitor.errors import MarketplaceError
from monitor.marketplaces.registry import known_types
from monitor.marketplaces.testing import Dialect, MarketplaceContract, Trial, trial_of
from monitor.model import Observation
from tests.contracts.dialects import load_answers, load_dialects

DIALECTS = load_dialects()
# Types that don't speak HTTP have contract tests of their own.
ELSEWHERE = {"folder"}


def test_every_registered_type_is_under_contract() -> None:
    assert set(known_types()) == set(DIALECTS) | ELSEWHERE


@pytest.mark.parametrize("type_name", sorted(DIALECTS))
def test_every_site_has_its_own_way_to_say_each_class_of_failure(type_name: str) -> None:
    dialect = DIALECTS[type_name]
    assert dialect.type_name == type_name
    silent = [kind for kind in MarketplaceError.__subclasses__() if not dialect.failures[kind]]
    assert silent == []


class TestBuiltIn(MarketplaceContract):
    @pytest.fixture(params=sorted(DIALECTS))
    def trial(self, request: pytest.FixtureRequest) -> Iterator[Trial]:
        with trial_of(DIALECTS[request.param]) as trial:
            yield trial

    def stored_answers(self, dialect: Dialect) -> Mapping[str, bytes]:
        return load_answers(dialect.type_name)

    def read(self, trial: Trial, body: bytes) -> Sequence[Observation]:
        return DIALECTS[trial.dialect.type_name].read(body)
