"""What every marketplace promises, as tests that an adapter's author inherits. Needs pytest.

    from monitor.marketplaces import testing

    class TestShopExample(testing.MarketplaceContract):
        dialect = testing.Dialect("shop_example", options=..., item=..., answer=...)

Beside the test stand stored answers of the site, as `answers/*.json`. How it goes on is in
docs/adding-a-marketplace.md. Nothing else of the monitor imports this.
"""

from __future__ import annotations

import pytest

# before it is imported: else a failed assertion shows no values
pytest.register_assert_rewrite(f"{__name__}.contract")

from monitor.marketplaces.testing.contract import (  # noqa: E402
    QUERY,
    MarketplaceContract,
    Trial,
    check_canonical,
    check_observation,
    trial_of,
)
from monitor.marketplaces.testing.dialect import (  # noqa: E402
    SECRET,
    UNEXPLAINED,
    Dialect,
    failures,
)
from monitor.marketplaces.testing.recorders import (  # noqa: E402
    NOW,
    PATIENT,
    QUICK,
    RecordedMemory,
    RecordedPace,
    RecordedSleep,
    make_outside,
)
from monitor.marketplaces.testing.server import (  # noqa: E402
    WEB_PAGE,
    Reply,
    Request,
    Scripted,
    as_json,
)

# The contract, and how a site speaks.
__all__ = ["SECRET", "Dialect", "MarketplaceContract", "check_canonical", "check_observation"]
__all__ += ["UNEXPLAINED", "failures"]
# For tests of an adapter's own.
__all__ += ["NOW", "PATIENT", "QUERY", "QUICK", "WEB_PAGE", "RecordedMemory", "RecordedPace"]
__all__ += ["RecordedSleep", "Reply", "Request", "Scripted", "Trial", "as_json", "make_outside"]
__all__ += ["trial_of"]
