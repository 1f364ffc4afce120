"""Lines that were wrapped at a fixed width, joined into paragraphs again."""


def unwrap(text: str) -> str:
    """Join the lines of a text that was wrapped at a fixed width."""
    return text
