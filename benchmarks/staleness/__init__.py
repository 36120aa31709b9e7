"""Staleness: what it costs when a user's state is late, replayed on a real shop in time order.

table ─ retail ─▶ Purchases ─ replay ─▶ each is predicted, then learned ─▶ figures by delay ─▶ plot
"""
