"""Quality: Portrait's ranking beside its peers, on public data, in one run.

folder ─ sets ─▶ RankingSet ─ split ─▶ train, valid, test
                 train, valid ─ tune, fit ─▶ Model        one file a family of peers
                 Model, test ─ measure ─▶ Result          masked and unmasked, every item ranked
                 Results ─ report ─▶ terminal, Markdown, JSON
"""
