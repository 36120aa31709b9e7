"""The shop's rules over HTTP."""
