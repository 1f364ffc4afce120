"""Text into tokens and back: tokenizers learned from the data, conversations, encoded streams."""
