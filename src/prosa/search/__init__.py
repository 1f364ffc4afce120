"""Search: documents cut into passages, a folder that holds them, and the search over it.

Nothing here answers; `prosa.answering` stands above. `index.build` and `index.open_index` are the
doors.
"""
