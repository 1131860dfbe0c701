"""Our version of apprise's mail: the message is built here, its connection and its URL are theirs.

In theirs the names of pictures break where they are not ASCII (an asset called 马克杯), and with
them what the HTML refers to; and its plain part loses every link. A URL that asks for PGP is sent
by theirs, without threading.
"""

from __future__ import annotations

import hashlib
import html
import mimetypes
import re
import smtplib
import warnings
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path
from urllib.parse import unquote

from apprise import NotifyFormat
from apprise.exception import AppriseImproperlyConfigured

from monitor.channels.html_text import plain_text
from monitor.model import Attachment

with warnings.catch_warnings():
    # It loads a library for PGP, which warns of the age of what it needs itself.
    warnings.simplefilter("ignore", DeprecationWarning)
    from apprise.plugins.email import NotifyEmail
    from apprise.plugins.email.smtp import AppriseSMTPController

# Gmail shows the first 102 KB of a message's text and hides the rest behind a link, where a match
# would not be seen.
MAIL_BYTES = 100_000
# Mail servers look at the bytes that go over the wire: ASCII, whatever the text is.
_POLICY = SMTP.clone(cte_type="7bit")
_REFERENCE = re.compile(r"""(?P<quote>["'])cid:(?P<name>[^"']*)(?P=quote)""")


class Mail(NotifyEmail):
    """HTML with a plain part, or plain text alone; pictures inline where the HTML refers to them.

    The HTML refers to a picture as `cid:NAME`, NAME being that of the attachment. `thread` and
    `pictures` belong to the next message.
    """

    # apprise neither cuts nor splits below this, and no server refuses it
    body_maxlen = 5_000_000
    title_maxlen = 900
    thread: str | None = None
    pictures: tuple[Attachment, ...] = ()

    def send(self, body: str, title: str = "", *args: object, **kwargs: object) -> bool:
        if self.pgp_mode != "no":
            return bool(super().send(body, title, *args, **kwargs))
        is_html = kwargs.get("body_format") == NotifyFormat.HTML
        try:
            mail = _content(body, self.pictures, is_html=is_html)
            self._set_head(mail, title)
            return all(self._send_to_all(mail))
        except (OSError, smtplib.SMTPException, RuntimeError) as error:
            self.logger.debug("Socket Exception: %s", error)
        except (MessageError, ValueError, AppriseImproperlyConfigured) as error:
            self.logger.warning("%s", error)
        return False

    def _send_to_all(self, mail: EmailMessage) -> list[bool]:
        """One message for each recipient of the URL, as apprise does."""
        with AppriseSMTPController(
            host=self.smtp_host,
            port=int(self.port or 0),
            secure_mode=str(self.secure_mode),
            user=self.user,
            password=self.password,
            verify_certificate=self.verify_certificate,
            socket_connect_timeout=self.socket_connect_timeout,
        ) as smtp:
            return [
                smtp.sendmail(str(self.from_addr[1]), to, self._addressed(mail, name, to[0]))
                for name, address in self.targets
                if (to := [address, *sorted((self.cc | self.bcc) - {address})])
            ]

    def _set_head(self, mail: EmailMessage, title: str) -> None:
        """All but whom it is to. Raises ValueError for a value that would be two headers."""
        sender = str(self.from_addr[1])
        mail["Subject"] = " ".join(title.split())
        mail["From"] = _address(self.from_addr[0], sender)
        if self.reply_to:
            mail["Reply-To"] = [_address(self.names.get(to), to) for to in sorted(self.reply_to)]
        mail["Date"] = format_datetime(datetime.now(tz=self.tzinfo))
        mail["List-Id"] = f"Infringement Monitor <infringement-monitor.{sender.rpartition('@')[2]}>"
        # So that nobody's absence is answered to us (RFC 3834).
        mail["Auto-Submitted"] = "auto-generated"
        if self.thread:
            mail["In-Reply-To"] = mail["References"] = thread_id(self.thread)
        for key, value in self.headers.items():
            del mail[key]
            mail[key] = value

    def _addressed(self, mail: EmailMessage, name: object, address: str) -> str:
        for key in ("To", "Cc", "Message-ID"):
            del mail[key]
        mail["To"] = _address(name, address)
        if cc := self.cc - self.bcc - {address}:
            mail["Cc"] = [_address(self.names.get(other), other) for other in sorted(cc)]
        mail["Message-ID"] = make_msgid(domain=self.smtp_host)
        return mail.as_string()


def _address(name: object, address: str) -> Address:
    return Address(display_name=str(name or ""), addr_spec=address)


def thread_id(thread: str) -> str:
    """The message id that all mails of a thread refer to; no mail has it."""
    digest = hashlib.sha256(thread.encode("utf-8", "replace")).hexdigest()
    return f"<asset-{digest[:32]}@infringement-monitor>"


def _content(body: str, pictures: tuple[Attachment, ...], *, is_html: bool) -> EmailMessage:
    content = EmailMessage(policy=_POLICY)
    if not is_html:
        content.set_content(body)
        for picture in pictures:
            _attach(content, picture)
        return content
    text, inline = _inline(body, pictures)
    content.set_content(plain_text(body))
    content.add_alternative(text, subtype="html")
    html_part = content.get_payload(1)
    assert isinstance(html_part, MIMEPart)  # noqa: S101 - the alternative that was just added
    for cid, picture in inline.items():
        main, sub = _kind(picture)
        html_part.add_related(
            picture.path.read_bytes(),
            main,
            sub,
            cid=f"<{cid}>",
            filename=picture.name,
            disposition="inline",
        )
    for picture in pictures:
        if picture not in inline.values():
            _attach(content, picture)
    return content


def _inline(body: str, pictures: tuple[Attachment, ...]) -> tuple[str, dict[str, Attachment]]:
    """The HTML with ids that are ASCII for names that need not be; id -> the picture it shows."""
    known = {picture.name: (f"picture-{no}", picture) for no, picture in enumerate(pictures, 1)}
    inline: dict[str, Attachment] = {}

    def replace(match: re.Match[str]) -> str:
        name = html.unescape(match["name"])
        found = known.get(name) or known.get(unquote(name))
        if found is None:
            return match[0]
        cid = f"{found[0]}@infringement-monitor"
        inline[cid] = found[1]
        return f"{match['quote']}cid:{cid}{match['quote']}"

    return _REFERENCE.sub(replace, body), inline


def _attach(content: EmailMessage, picture: Attachment) -> None:
    main, sub = _kind(picture)
    content.add_attachment(picture.path.read_bytes(), main, sub, filename=picture.name)


def _kind(picture: Attachment) -> tuple[str, str]:
    guessed = mimetypes.guess_type(Path(picture.name).name)[0] or "application/octet-stream"
    main, _, sub = guessed.partition("/")
    return main, sub
