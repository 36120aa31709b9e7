"""Portrait: what is true of events, users and models, whoever runs it.

events ─▶ decode ─▶ encode new text ─▶ fold ─▶ paint ─▶ store ─▶ commit     workers/update/
items  ─▶ decode ─▶ encode new text ─▶ store ─▶ announce ─▶ commit           workers/index/
profile ─▶ rank ─▶ filter ─▶ diversify ─▶ explain ─▶ JSON                    service/

An event (`event.py`) is folded into a user's facts (`facts.py`): the newest events, the counts and
the Kafka positions, whatever the model. A model's space (`space.py`) turns text into vectors;
`paint.py` turns facts into a portrait in that space. Facts and portrait are one record per user
(`profile.py`), and `rank.py` reads it.
"""
