"""The interfaces that the sandbox speaks, all on one port."""

from __future__ import annotations

from typing import Final

from monitor.sandbox.dialects.alibaba_1688 import Alibaba1688
from monitor.sandbox.dialects.base import Dialect, Reply, Request
from monitor.sandbox.dialects.ebay import Ebay
from monitor.sandbox.dialects.guide_1688 import Guide1688

DIALECTS: Final[tuple[type[Dialect], ...]] = (Guide1688, Alibaba1688, Ebay)
# What may stand before the colon of an order to fail.
PLACES: Final = tuple(
    place
    for dialect in DIALECTS
    for place in (dialect.name, *(f"{dialect.name}/{call}" for call in dialect.calls))
)

__all__ = ["DIALECTS", "PLACES", "Dialect", "Reply", "Request"]
