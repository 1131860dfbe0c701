"""What a message says and how it is packed: docs/messages.md."""

from monitor.alerting.rendering.part import Part
from monitor.alerting.rendering.plain import Plainness, render_plain
from monitor.alerting.rendering.render import render, told_with_pictures

__all__ = ["Part", "Plainness", "render", "render_plain", "told_with_pictures"]
