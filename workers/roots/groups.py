"""What consumer groups are called: one for each worker, and one for who sends letters back."""

from portrait.events.progress import OPINIONS_GROUP, UPDATE_GROUP

INDEX_GROUP = "portrait-index"
ARCHIVE_GROUP = "portrait-archive"
EXPERIMENTS_GROUP = "portrait-experiments"
SEGMENTS_GROUP = "portrait-segments"
REPLAY_DEAD_GROUP = "portrait-replay-dead"
ALL_GROUPS = (
    *(UPDATE_GROUP, INDEX_GROUP, ARCHIVE_GROUP),
    *(OPINIONS_GROUP, EXPERIMENTS_GROUP, SEGMENTS_GROUP, REPLAY_DEAD_GROUP),
)
