"""The words that end a conversation, whoever answers in it."""

import unicodedata

EXIT_WORDS = ("quit", "exit", "bye", "sair", "tchau")


def is_exit(text: str) -> bool:
    """Whether a person's line means goodbye: "tchau", "Sair!", "bye."."""
    folded = unicodedata.normalize("NFC", text).casefold().strip(" .!?…")
    return folded in EXIT_WORDS
