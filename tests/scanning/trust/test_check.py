"""Reference pictures whose matches can't be believed are marked; nothing they find is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from monitor import matching
from monitor.model import AlertEvent, CheckState, Verdict
from monitor.scanning.trust.check import Sample
from monitor.storage.catalogue import pictures
from tests.scanning.office import TEMPLATE, Office
from tests.scanning.shop import Bench
from tests.told import text_of


def _stock(office: Office, templates: int = 8) -> None:
    """A lamp whose search returns other goods and a shop's template, and a poster that is it."""
    office.bench.draw("lamp.png", 1)
    office.bench.draw("poster.png", TEMPLATE)
    office.scan(
        {
            "lamp": [office.offer_template(number) for number in range(templates)],
            "poster": [office.offer_template(number) for number in range(20, 23)],
        }
    )
    office.stock("lamp", 50)


def _ops(bench: Bench, event: AlertEvent) -> list[str]:
    """The texts of the operator alerts of this event."""
    return [text_of(row) for row in bench.alerts() if row.event == event.value]


def _judge_again(office: Office) -> None:
    """As if there were many more pictures than at the last time."""
    with office.bench.store.writing() as conn:
        conn.exec_driver_sql("UPDATE reference_checks SET again_from = 0")
    office.check()


def test_a_picture_that_matches_everything_is_marked_held_summarised_and_trusted(
    office: Office,
) -> None:
    _stock(office)
    office.check()
    office.tell()
    poster = office.picture("poster")
    assert (poster.state, office.state("lamp")) == (CheckState.UNSPECIFIC, CheckState.UNJUDGED)
    assert poster.matched >= 3
    assert poster.sampled == 50 + poster.matched
    first = office.matched("poster")
    assert len(first) >= 3
    assert set(office.states().values()) == {"held"}
    (mark,) = office.ops.received
    assert f"{poster.matched} of {poster.sampled} random pictures" in mark.body
    assert "monitor assets trust poster --picture poster.png" in mark.body
    (summary,) = office.summaries()
    assert f"{len(first)} new matches of poster.png" in summary

    later = [office.offer_template(number) for number in (30, 31)]
    for _ in range(3):
        office.scan({"poster": later})
        office.check()
        office.tell()
    assert len(office.matched("poster")) == len(first) + 2
    texts = [text.removeprefix("Matches held\n") for text in office.summaries()]
    assert [text.split(" (")[0] for text in texts] == [
        f"{len(first)} new matches of poster.png",
        "2 new matches of poster.png",
    ]
    assert len(office.ops.received) == 1
    assert office.told() == []
    assert office.picture("poster").held == len(first) + 2

    assert office.trust("poster") == len(first) + 2
    office.tell()
    assert office.told() == office.matched("poster")
    office.scan({"poster": [*later, office.offer_template(32)]})
    office.check()
    office.tell()
    assert office.told() == office.matched("poster")
    assert len(office.told()) == len(first) + 3
    assert (office.state("poster"), office.picture("poster").held) == (CheckState.TRUSTED, 0)
    assert len(office.ops.received) == 1


@pytest.mark.parametrize(
    ("sampled", "matched", "state"),
    [
        (49, 49, None),
        (50, 2, CheckState.SOUND),
        (50, 3, CheckState.UNSPECIFIC),
        (150, 3, CheckState.SOUND),  # 2 % and no more
        (200, 4, CheckState.SOUND),
        (200, 5, CheckState.UNSPECIFIC),
    ],
)
def test_it_takes_a_few_pictures_and_a_share_of_them(
    sampled: int, matched: int, state: CheckState | None
) -> None:
    assert Sample(sampled, matched).state is state


def test_the_most_copied_picture_is_sound(office: Office) -> None:
    """What its own search has returned is no evidence, nor what looks just like that."""
    office.bench.draw("lamp.png", 1)
    office.bench.draw("poster.png", TEMPLATE)
    copies = [office.offer_template(number) for number in range(8)]
    plain = [office.bench.offer(f"p{number}", TEMPLATE) for number in range(3)]
    office.scan({"lamp": [*copies, plain[0]], "poster": [*copies, plain[1]]})
    office.stock("lamp", 50)
    office.check()
    poster = office.picture("poster")
    assert (poster.state, poster.matched, poster.sampled) == (CheckState.SOUND, 0, 50)
    office.tell()
    assert office.told() == office.matched("poster")
    assert len(office.told()) == 10


def test_what_a_person_has_ruled_a_copy_is_no_evidence(office: Office) -> None:
    _stock(office)
    office.bench.decide(Verdict.INFRINGING)
    office.check()
    poster = office.picture("poster")
    found = {match.item_id for match in office.bench.matches() if match.asset == "poster"}
    assert poster.matched == len({f"t{number}" for number in range(8)} - found)


def test_with_too_few_controls_it_is_judged_once_there_are_more(sqlite_office: Office) -> None:
    office = sqlite_office
    office.bench.draw("lamp.png", 1)
    office.bench.draw("poster.png", TEMPLATE)
    office.scan({"lamp": [office.offer_template(number) for number in range(4)]})
    office.stock("lamp", 20)
    office.check()
    assert office.state("poster") is CheckState.UNJUDGED
    assert office.picture("poster").sampled >= 20
    assert office.check() == 0
    office.stock("lamp", 40, first=120)
    assert office.check() == 2  # both pictures, and the lamp for the second time in vain
    assert office.state("poster") is CheckState.UNSPECIFIC
    assert office.check() == 0


def test_no_picture_is_judged_before_its_own_search_has_ended(sqlite_office: Office) -> None:
    """What that is about to return would be taken for pictures that have nothing to do with it."""
    office = sqlite_office
    office.bench.draw("lamp.png", 1)
    office.scan({})
    office.stock("lamp", 55)
    office.bench.draw("poster.png", TEMPLATE)
    office.bench.plan()
    office.check()
    assert office.picture("poster").checked_at is None
    office.bench.look()
    office.check()
    assert office.state("poster") is CheckState.SOUND


def test_a_baseline_does_not_wait_for_ever_for_a_check(sqlite_office: Office) -> None:
    office = sqlite_office
    office.bench.draw("lamp.png", 1)
    office.bench.plan()
    office.check()
    office.bench.shop.pages = [[office.bench.offer("1", 1)]]
    office.bench.look()
    office.tell()
    assert office.told() == []
    office.bench.clock.advance(minutes=11)
    office.tell()
    assert office.told() == office.matched("lamp")


def test_what_is_due_is_held_and_what_was_sent_is_not_told_again(office: Office) -> None:
    """The mark comes a while after the matches: some have been told, others not."""
    _stock(office)
    office.legal.status = 503
    office.tell()
    assert set(office.states().values()) == {"failed"}
    office.legal.status = 200
    office.check()
    office.bench.clock.advance(hours=1)
    office.tell()
    assert set(office.states().values()) == {"held"}
    assert f"{len(office.matched('poster'))} deliveries that were not sent yet" in (
        office.ops.received[0].body
    )
    assert len(office.summaries()) == 1


def test_what_rests_on_another_picture_of_the_asset_is_told(office: Office) -> None:
    """Also what was held before that picture came."""
    office.bench.draw("lamp.png", 1)
    office.bench.draw("poster/a.png", TEMPLATE)
    office.scan({"lamp": [office.offer_template(number) for number in range(8)]})
    office.stock("lamp", 50)
    office.check()
    listing = office.offer_template(40)
    office.scan({"poster": [listing]})
    office.tell()
    assert office.picture("poster").state is CheckState.UNSPECIFIC
    assert office.told() == []
    # the very picture of that listing is the asset's too
    (office.bench.folder / "poster/b.jpg").write_bytes(office.draw_template(40))
    office.scan({"poster": [listing]})
    office.tell()
    (match,) = [match for match in office.bench.matches() if match.item_id == "t40"]
    assert match.reference_path == "poster/b.jpg"
    (told,) = office.told()
    office.scan({"poster": [listing]})
    office.trust("poster", "poster/a.png")
    office.tell()
    assert office.told() == office.matched("poster")
    assert told in office.told()


def test_a_match_stays_on_the_picture_that_is_believed(sqlite_office: Office) -> None:
    office = sqlite_office
    office.bench.draw("lamp.png", 1)
    office.bench.draw("poster/a.png", TEMPLATE)
    office.bench.draw("poster/b.png", 60)
    office.scan({"lamp": [office.offer_template(number) for number in range(8)]})
    office.stock("lamp", 50)
    office.check()
    office.bench.shop.pages = [[office.bench.offer("1", 60)]]
    office.bench.scan()
    # now its listing shows the template, in which the sound picture has no part
    changed = replace(office.offer_template(41), item_id="1")
    office.bench.shop.pages = [[changed]]
    office.bench.scan()
    (match,) = [match for match in office.bench.matches() if match.item_id == "1"]
    assert match.reference_path == "poster/b.png"


def test_a_picture_that_is_sound_after_all_gives_back_what_was_held(office: Office) -> None:
    _stock(office)
    office.check()
    office.tell()
    assert office.told() == []
    # its own search has come to return them
    office.scan({"poster": [office.offer_template(number) for number in range(8)]})
    _judge_again(office)
    assert office.state("poster") is CheckState.SOUND
    office.tell()
    assert office.told() == office.matched("poster")
    assert len(_ops(office.bench, AlertEvent.REFERENCE_UNSPECIFIC)) == 1


def test_what_a_person_has_settled_meanwhile_is_not_told(office: Office) -> None:
    _stock(office)
    office.check()
    office.tell()
    office.bench.decide(Verdict.NOT_OURS)
    assert office.picture("poster").held == 0
    assert office.trust("poster") == 0
    office.tell()
    assert office.told() == []
    # but it waits for whoever takes that back
    office.bench.decide(Verdict.UNREVIEWED)
    office.tell()
    assert office.told() == office.matched("poster")


def test_a_retired_pictures_matches_stay_held_and_the_operator_is_told(office: Office) -> None:
    _stock(office)
    office.check()
    office.tell()
    (office.bench.folder / "poster.png").unlink()
    for _ in range(2):
        office.scan({})
        office.check()
        office.tell()
    assert len(office.ops.received) == 2
    assert "poster.png (asset poster) has left the folder" in office.ops.received[1].body
    poster = office.picture("poster")
    assert poster.retired_at is not None
    assert poster.held == len(office.matched("poster"))
    office.trust("poster", "poster.png")
    office.tell()
    assert office.told() == office.matched("poster")


def test_judging_takes_the_same_pictures_whenever_it_is_done(sqlite_office: Office) -> None:
    office = sqlite_office
    _stock(office)
    office.check()
    before = office.picture("poster")
    _judge_again(office)
    after = office.picture("poster")
    assert (after.sampled, after.matched) == (before.sampled, before.matched)
    assert after.checked_at != before.checked_at


def test_pictures_of_an_older_version_are_fingerprinted_again_once(sqlite_office: Office) -> None:
    office = sqlite_office
    _stock(office)
    with office.bench.store.writing() as conn:
        conn.exec_driver_sql(
            "UPDATE fingerprints SET algorithm = 'old ' || algorithm WHERE sha256 IN"
            " (SELECT picture_sha256 FROM listings WHERE item_id LIKE 't%')"
        )
    office.check()
    assert office.picture("poster").matched >= 3
    with office.bench.store.reading() as conn:
        stale = pictures.find_stale(conn, matching.ALGORITHMS, "", 100)
        shown = office.bench.rows("SELECT picture_sha256 FROM listings WHERE item_id LIKE 't%'")
    assert len(stale) < len(shown)


def test_a_scan_that_can_not_wait_judges_what_it_is_about_to_tell(sqlite_office: Office) -> None:
    office = sqlite_office
    _stock(office)
    office.stock("poster", 50, first=300)
    office.check(alerting_only=True)
    assert office.state("poster") is CheckState.UNSPECIFIC
    assert office.picture("lamp").checked_at is None
    office.check()
    assert office.state("lamp") is CheckState.SOUND


# -- by itself


@pytest.mark.parametrize("colour", ["white", "#c8102e"])
def test_a_picture_that_can_not_be_recognised_is_told_once(bench: Bench, colour: str) -> None:
    Image.new("RGB", (600, 600), colour).save(bench.folder / "blank.png")
    bench.draw("mug.png", 1)
    office = Office(bench, None, None)  # type: ignore[arg-type]
    for _ in range(2):
        bench.scan()
        office.check()
    assert office.state("blank") is CheckState.FEATURELESS
    assert office.state("mug") is CheckState.UNJUDGED
    (text,) = _ops(bench, AlertEvent.REFERENCE_FEATURELESS)
    assert text.startswith("blank.png (asset blank) shows too little")


def test_another_alert_score_asks_another_copy(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    office = Office(bench, None, None)  # type: ignore[arg-type]
    bench.scan()
    office.check()
    with bench.store.writing() as conn:
        conn.exec_driver_sql("UPDATE reference_checks SET copy_score = 0.7")
    bench.rules = bench.rules.model_copy(update={"alert_score": 0.65})
    assert office.check() == 0
    bench.rules = bench.rules.model_copy(update={"alert_score": 0.8})
    assert office.check() > 0
    assert office.picture("mug").copy_score > 0.9  # type: ignore[operator]
    assert office.state("mug") is CheckState.UNJUDGED
    assert _ops(bench, AlertEvent.REFERENCE_FEATURELESS) == []
