"""What the rooms' options are made of: tables of the config, typed, frozen and validated.

A room that can be configured owns one model of its keys; config/ reads the file and reports.
"""

from monitor.options.base import KeyPath, Options, Origin, is_secret, may_hold, problem, told_anew
from monitor.options.values import (
    Delay,
    Duration,
    Folder,
    Names,
    Percent,
    PictureFile,
    Score,
    Secret,
    SomeNames,
    StatePath,
    Text,
    ZoneName,
    all_of,
    from_text,
    read_text,
)

__all__ = [
    "Delay",
    "Duration",
    "Folder",
    "KeyPath",
    "Names",
    "Options",
    "Origin",
    "Percent",
    "PictureFile",
    "Score",
    "Secret",
    "SomeNames",
    "StatePath",
    "Text",
    "ZoneName",
    "all_of",
    "from_text",
    "is_secret",
    "may_hold",
    "problem",
    "read_text",
    "told_anew",
]
