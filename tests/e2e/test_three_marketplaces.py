"""One watch on every dialect that the sandbox speaks: processes, sockets, both databases."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.marketplaces.testing import Reply, Request, Scripted
from monitor.sandbox import Fault, Sandbox
from monitor.sandbox.receiver import JsonReceiver
from monitor.sandbox.server import Rules
from monitor.storage.schema.sql import run_readonly
from tests.e2e.processes import Process, run, start
from tests.e2e.rehearsal import copy, draw

# Three searches and an upload or two each: a pace at which the test doesn't wait.
RULES = Rules(rate=50)


class Brand:
    """A brand, a shop of its copies, a receiver, and the config of a watch over all of them."""

    def __init__(self, folder: Path, database_url: str, receiver: JsonReceiver) -> None:
        self.folder, self.database_url, self.receiver = folder, database_url, receiver
        for name, seed in (("mug", 10), ("shirt", 28)):
            draw(folder / f"brand/{name}.jpg", seed)
            copy(folder / f"brand/{name}.jpg", folder / f"shop/{name} copy.jpg")
        for seed in range(4):
            draw(folder / f"shop/other_{seed}.jpg", 40 + seed)

    def write(self, tables: str, names: list[str]) -> None:
        (self.folder / "config.toml").write_text(
            f'[database]\nurl = "{self.database_url}"\n[storage]\npictures = "pictures"\n'
            f"{tables}\n"
            f'[channels.hook]\nurl = "{self.receiver.url}"\ngroup = "0s"\n'
            '[alerts]\nops = ["hook"]\n'
            '[[watch]]\nname = "acme"\nimages = "brand"\nevery = "6h"\nchannels = ["hook"]\n'
            f"marketplaces = {json.dumps(names)}\n",
            encoding="utf-8",
        )

    def monitor(self, *words: str) -> Process:
        return run(self.folder, "--config", "config.toml", *words)

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in run_readonly(self.database_url, statement)[1]]


@pytest.fixture
def brand(database_url: str, tmp_path: Path) -> Iterator[Brand]:
    with JsonReceiver() as receiver:
        yield Brand(tmp_path, database_url, receiver)


def test_a_scan_over_all_three_finds_each_listing_once_and_tells_it_once(brand: Brand) -> None:
    words = ["sandbox", "--images", "shop", "--port", "0", "--rate", "50"]
    with start(brand.folder, words) as sandbox:
        sandbox.await_log("# 6 listings from shop")
        brand.write(sandbox.out, ["sandbox", "sandbox-alibaba", "sandbox-ebay"])
        done = brand.monitor("scan")
        assert done.popen.returncode == 0, done.log
        assert "6 ok" in done.out
        # 1688's offers are the same ones by either interface; eBay's are its own
        found = brand.rows(
            "SELECT asset, site, count(*) FROM match_history GROUP BY 1, 2 ORDER BY 1, 2"
        )
        assert [tuple(row) for row in found] == [
            ("mug", "1688", 1),
            ("mug", "ebay", 1),
            ("shirt", "1688", 1),
            ("shirt", "ebay", 1),
        ]
        assert len(brand.receiver.received) == 1
        body = brand.receiver.received[0].body
        for (url,) in brand.rows("SELECT listing_url FROM match_history"):
            assert str(url) in body
        again = brand.monitor("scan")
        assert "0 new; pictures downloaded: 0" in again.out
        assert "New matches: 0" in again.out
        assert len(brand.receiver.received) == 1
        tested = brand.monitor("marketplaces", "test")
        assert tested.popen.returncode == 0, tested.log
        assert tested.out.count(": ok, 6 listings of 6") == 3
        assert "streng" not in done.log + tested.out
        sandbox.stop()


@contextmanager
def public_pictures(folder: Path) -> Iterator[str]:
    """Where the linkplus route loads the brand's pictures from; gives the option's template."""

    def give(request: Request) -> Reply:
        path = folder / request.path.removeprefix("/pictures/")
        return Reply(200, {"Content-Type": "image/jpeg"}, path.read_bytes())

    with Scripted(Reply(404)) as server:
        for path in folder.iterdir():
            server.routes[f"/pictures/{path.name}"] = give
        yield server.url("/pictures/{path}")


def _alibaba(sandbox: Sandbox, **options: str) -> str:
    keys = {
        "type": "alibaba_1688",
        "base_url": sandbox.urls["alibaba_1688"],
        "app_key": "sandbox",
        "app_secret": "sandbox-secret",
        "access_token": "sandbox-token",
        "refresh_token": "sandbox-refresh",
        "rate": "50/s",
        **options,
    }
    return "[marketplaces.alibaba]\n" + "\n".join(
        f"{key} = {json.dumps(value)}" for key, value in keys.items()
    )


def test_the_route_by_picture_address_falls_over_to_uploads_when_it_is_not_granted(
    brand: Brand,
) -> None:
    with (
        Sandbox(brand.folder / "shop", RULES) as sandbox,
        public_pictures(brand.folder / "brand") as template,
    ):
        brand.write(_alibaba(sandbox, picture_url=template), ["alibaba"])
        first = brand.monitor("scan")
        assert first.popen.returncode == 0, first.log
        counts = sandbox.stats()
        assert counts["alibaba_1688/linkplus"] == 2
        assert "alibaba_1688/upload" not in counts
        assert len(brand.rows("SELECT 1 FROM match_history")) == 2
        sandbox.faults.order(Fault.PERMISSION, None, "alibaba_1688/linkplus")
        second = brand.monitor("scan")
        assert second.popen.returncode == 0, second.log
        counts = sandbox.stats()
        # the first picture asked, the second one knew; a decline is no reason to see nothing
        assert counts["fault permission"] == 1
        assert counts["alibaba_1688/linkplus"] == 2
        assert counts["alibaba_1688/upload"] == 2
        assert "0 new" in second.out


def test_a_token_that_the_site_forgets_is_refreshed_and_the_new_one_kept(brand: Brand) -> None:
    with Sandbox(brand.folder / "shop", RULES) as sandbox:
        brand.write(_alibaba(sandbox, access_token="worn-out-since-long"), ["alibaba"])
        first = brand.monitor("scan")
        assert first.popen.returncode == 0, first.log
        assert sandbox.stats()["alibaba_1688/getToken"] == 1
        again = brand.monitor("scan")
        assert again.popen.returncode == 0, again.log
        # another process, the same database: no second refresh
        assert sandbox.stats()["alibaba_1688/getToken"] == 1
        sandbox.revoke_tokens()
        third = brand.monitor("scan")
        assert third.popen.returncode == 0, third.log
        assert sandbox.stats()["alibaba_1688/getToken"] == 2
        said = "".join(done.log + done.out for done in (first, again, third))
        assert not re.search("worn-out|sandbox-refresh|issued-", said)
        kept = str(brand.rows("SELECT value FROM memories"))
        assert kept
        assert "issued-" not in kept


def test_one_blind_marketplace_doesnt_hide_what_the_others_see(brand: Brand) -> None:
    with Sandbox(brand.folder / "shop", RULES) as sandbox:
        tables = _alibaba(sandbox) + (
            f'\n[marketplaces.ebay]\ntype = "ebay"\nbase_url = "{sandbox.urls["ebay"]}"\n'
            'client_id = "sandbox-client"\nclient_secret = "sandbox-client-secret"\nrate = "50/s"\n'
        )
        brand.write(tables, ["alibaba", "ebay"])
        sandbox.faults.order(Fault.HTML, None, "ebay/search")
        done = brand.monitor("scan")
        assert done.popen.returncode == 3
        outcomes = brand.rows(
            "SELECT marketplace, outcome FROM scan_health GROUP BY 1, 2 ORDER BY 1, 2"
        )
        assert outcomes == [("alibaba", "ok"), ("ebay", "blocked")]
        assert len(brand.rows("SELECT 1 FROM match_history WHERE site = '1688'")) == 2
        told = "\n".join(f"{item.title} {item.body}" for item in brand.receiver.received)
        assert "ebay" in told
        assert "Verify" not in told
        assert brand.monitor("status").popen.returncode == 1
