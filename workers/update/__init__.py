"""Update: the event log becomes profiles."""
