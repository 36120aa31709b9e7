"""The demo for who has to say yes: a security reviewer and a data-protection officer."""
