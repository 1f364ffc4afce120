"""Answering from an index: what is said, how sure it is, and where it stands.

`answerer` answers and remembers what was asked in a conversation, `measure` says how good the
answers are. Nothing here imports torch; `reader` and `writer` do, and are imported by
who wants them.
"""
