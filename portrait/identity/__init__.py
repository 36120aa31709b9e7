"""Identity: whose an anonymous visitor's device was, and what was done on it as theirs."""
