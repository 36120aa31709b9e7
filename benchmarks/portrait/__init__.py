"""What a portrait says, asked of a shop whose truth is known because it was planted.

words ─▶ shop ─▶ people ─▶ life (events)  ─▶ the real stack ─▶ questions over HTTP ─▶ table, goals
                   └─ truth ──────────────▶ baselines ─────▶ the same questions ─┘
"""
