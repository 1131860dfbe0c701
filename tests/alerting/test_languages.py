"""A language is a file: a copy of English under another name works wherever people read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from monitor.alerting.deliver import deliver_next
from monitor.alerting.drawings import drawn
from monitor.alerting.route import route_alerts
from monitor.model import AlertEvent
from monitor.storage.telling import alerts
from monitor.words import PACKAGED, read_words
from tests.alerting.test_drawings import OPTIONS, Desk, desk, pictures_in, text_of
from tests.told import event_of

__all__ = ["desk"]

# What is changed in the copy: a text of the mail, one of its drawing, one of operator alerts.
TRANSLATED = {
    "Seller": "Vendeur",
    "{asset} found on {site}": "{asset} trouvé chez {site}",
    "the same picture": "la même image",
    "scan blocked": "recherche bloquée",
    "a lower `rate` may help": "essayez un `rate` plus petit",
}


@pytest.fixture
def languages(tmp_path: Path) -> Path:
    folder = tmp_path / "languages"
    folder.mkdir()
    text = (PACKAGED / "en.toml").read_text(encoding="utf-8")
    for english, french in TRANSLATED.items():
        assert english in text
        text = text.replace(english, french)
    (folder / "fr.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_third_language_works_in_mail_drawing_and_operator_alerts(
    desk: Desk, languages: Path
) -> None:
    desk.options = OPTIONS.model_copy(update={"language": "fr"})
    (match,) = desk.find(1)
    with desk.bench.store.writing() as conn:
        blocked = event_of(AlertEvent.SCAN_BLOCKED)
        alerts.add(conn, blocked, dedup_key="k", now=desk.bench.clock(), alert_id="al-k")
    with desk.mailed() as received:
        context = replace(desk.context, languages=languages)
        context = replace(context, routes=replace(context.routes, ops=("legal",)))
        route_alerts(context)
        while deliver_next(context, "legal"):
            pass
        french = read_words("fr", languages)
        with (
            drawn(context, [match], french) as ours,
            drawn(context, [match], read_words()) as plain,
        ):
            drawings = [Image.open(each[match.id]).tobytes() for each in (ours, plain)]
    mails = {str(mail["Subject"]): mail for mail in received}
    (found,) = (mail for subject, mail in mails.items() if "trouvé chez" in subject)
    assert "Vendeur: not given" in text_of(found)
    ((_, sent),) = pictures_in(found).items()
    assert sent.tobytes() == drawings[0] != drawings[1]
    (notice,) = (mail for subject, mail in mails.items() if subject.endswith("recherche bloquée"))
    assert "essayez un `rate` plus petit" in " ".join(text_of(notice).split())
