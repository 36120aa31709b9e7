"""What Apache Kafka does, and the embedded broker does not: asked where Apache was chosen."""

import os

from sandbox.servers import CHOICE

collect_ignore_glob = [] if os.environ.get(CHOICE) == "apache" else ["test_*"]
