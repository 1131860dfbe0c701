"""What people read: a file a language, and nothing of it in code. docs/languages.md."""

from monitor.words.languages import PACKAGED, Words, list_languages, read_words

__all__ = ["PACKAGED", "Words", "list_languages", "read_words"]
