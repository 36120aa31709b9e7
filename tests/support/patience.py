"""How long a test waits for what is to come: long, for the machine may be busy with other work.

A bound that is a promise is set against what the machine does meanwhile, or is one of CPU time.
"""

PATIENCE = 300.0  # seconds
ANSWER_SECONDS = 60.0  # for one request
