"""The opinion worker: what is written about what the shop sells, counted, watched and told."""
