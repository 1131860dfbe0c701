"""What a message says and how it is packed: docs/messages.md."""

from monitor.alerting.rendering.render import Part, render, told_with_pictures

__all__ = ["Part", "render", "told_with_pictures"]
