"""The demo of a Chinese shop: what is sold, searched, said and shown is Chinese."""
