"""Answers with something wrong in them: valid listings or an error, never a crash.

By the thousand, always the same ones; TEST_MUTATIONS=100000 makes so many, the first ones too.

`_STRANGE` values stand for what was seen in the wild and what a hostile site may send.
"""

from __future__ import annotations

import json
import logging
import os
import random
from collections import Counter

import pytest

from monitor.errors import MarketplaceError
from monitor.marketplaces.testing import check_observation
from tests.contracts.dialects import load_answers, load_dialects
from tests.contracts.mutations import mutate

DIALECTS = load_dialects()
MUTATIONS = int(os.environ.get("TEST_MUTATIONS", "12000"))


@pytest.mark.parametrize("type_name", sorted(DIALECTS))
def test_a_mutated_answer_is_listings_or_a_known_error(type_name: str) -> None:
    logging.disable(logging.WARNING)
    rng = random.Random(f"mutations of {type_name}")
    samples = [json.loads(body) for body in load_answers(type_name).values()]
    outcomes: Counter[str] = Counter()
    try:
        for number in range(-(-MUTATIONS // len(DIALECTS))):
            body = json.dumps(mutate(samples[number % len(samples)], rng)).encode()
            outcomes[_outcome(type_name, body)] += 1
    finally:
        logging.disable(logging.NOTSET)
    # most are still read, and the others are refused by name
    assert outcomes["listings"] > 0
    assert outcomes["ProtocolError"] > 0


def _outcome(type_name: str, body: bytes) -> str:
    try:
        found = DIALECTS[type_name].read(body)
    except MarketplaceError as error:
        return type(error).__name__
    for item in found:
        check_observation(item)
    return "listings"
