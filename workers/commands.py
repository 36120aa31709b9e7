"""The commands of the workers, and which settings each of them reads."""

from portrait.command import Command
from workers.imports import look, try_out
from workers.letters import dead_letters
from workers.privacy import export, receipt
from workers.shops import command as shops

_LOGS = ("log_format",)
_DIALECT = ("time_zone", "currency", "currency_rates", "mapping")
_SPOKEN = (*_DIALECT, "schema_registry")  # on Kafka
_KAFKA = (
    *("kafka_bootstrap", "kafka_security", "kafka_mechanism", "kafka_username"),
    *("kafka_password", "kafka_ca_file", "shop"),
)
_READING = (*_KAFKA, "batch_wait", "batch_events", "batch_bytes", "outage_limit")
_WIRES = ("redis_url", "unknown_items", "unknown_ttl", "outage_limit")
_HEALTH = ("health_host", "health_port", "tls_certificate_file", "tls_key_file", *_LOGS)
_ENCODERS = ("encoder", "encoder_backend", "encoder_tokens", "encoder_threads", "model_cache")

COMMANDS = (
    Command(
        "update",
        "Fold events into profiles as they come, and paint portraits with the model in service.",
        "workers.roots.update",
        (
            *_WIRES,
            *_READING,
            *_SPOKEN,
            *("batch_tokens", "encode_wait", "future_tolerance", "offer_unknown", "profile_ttl"),
            "declared",
            "consent",
            *_ENCODERS,
            *_HEALTH,
        ),
    ),
    Command(
        "index",
        "Keep the catalogue and its vectors complete, make the first model, and put models in "
        "service.",
        "workers.roots.index",
        (
            *_WIRES,
            *_READING,
            *_SPOKEN,
            *_ENCODERS,
            *("fit_items", "fit_patience", "models_url", "model_grace"),
            *_HEALTH,
        ),
    ),
    Command(
        "archive",
        "Write every event to files, for training, and keep erased users out of them.",
        "workers.roots.archive",
        (
            *_READING,
            *_SPOKEN,
            *("archive_url", "archive_wait", "archive_rows", "archive_bytes", "archive_tidy"),
            *("archive_retention", "archive_size_limit", "archive_file_bytes"),
            *("future_tolerance", "consent", "redis_url", "profile_ttl", "receipt_key_file"),
            *_HEALTH,
        ),
    ),
    Command(
        "opinions",
        "Count what reviews and posts say of items, brands, categories and sources, and tell when "
        "that turns.",
        "workers.roots.opinions",
        (
            *_WIRES,
            *_READING,
            *_SPOKEN,
            *("opinion_encoder", "opinion_webhook", "opinion_webhook_secret"),
            *("opinion_webhook_private", "future_tolerance", "profile_ttl", "consent"),
            *_ENCODERS,
            *_HEALTH,
        ),
    ),
    Command(
        "experiments",
        "Join what people do with what was recommended to them, and count it by experiment, place "
        "and source.",
        "workers.roots.experiments",
        (*_WIRES, *_READING, *_SPOKEN, "future_tolerance", "profile_ttl", "consent", *_HEALTH),
    ),
    Command(
        "segments",
        "Keep who is in the shop's segments, and tell who enters and leaves.",
        "workers.roots.segments",
        (
            *(*_WIRES, *_READING, "future_tolerance", "profile_ttl", "consent", "segment_walk"),
            *("segment_webhook", "segment_webhook_secret", "segment_webhook_private", *_HEALTH),
        ),
    ),
    Command(
        "train",
        "Train models on the archive, judge them, and promote only what is better.",
        "workers.roots.train",
        (
            *_WIRES,
            *_KAFKA,
            *("archive_url", "consent"),
            *("train_cron", "train_events", "train_pause", "train_drift", "train_folder"),
            *("train_epochs", "train_threads", "train_nice", "train_most_events"),
            *("train_least_events", "train_replay", "train_held_out", "train_heads"),
            *("train_text", "train_lease", "train_thresholds", "fine_tune", "models_url"),
            *("tracking_url", "tracking_folder", "git_commit"),
            *_ENCODERS,
            *_HEALTH,
        ),
    ),
    Command(
        "topics",
        "Create the topics that are missing on Kafka; those that are there stay as they are.",
        "workers.roots.topics",
        (*_KAFKA, "topics_file", *_LOGS),
        waits=False,
    ),
    Command(
        "shops",
        "Make, list, limit and delete shops: several in one installation, apart from each other.",
        "workers.roots.shops",
        (
            *(*_KAFKA, "redis_url", "topics_file", "archive_url", "models_url", "model_cache"),
            *("train_folder", "tracking_folder", "assist_models", *_LOGS),
        ),
        shops.add_options,
        waits=False,
    ),
    Command(
        "replay-dead",
        "Send dead letters back to the topics they came from, after what was wrong is mended.",
        "workers.roots.replay_dead",
        (*_READING, *_LOGS),
        waits=False,
    ),
    Command(
        "dead-letters",
        "List dead letters: how many there are of each reason, or one by one.",
        "workers.roots.dead_letters",
        (*_READING, *_LOGS),
        dead_letters.add_options,
        waits=False,
    ),
    Command(
        "export",
        "Print all that is kept of one user, as one JSON file.",
        "workers.roots.export",
        (*_READING, "redis_url", "profile_ttl", "archive_url", "consent", "mapping", *_LOGS),
        export.add_options,
        waits=False,
    ),
    Command(
        "receipt",
        "Verify a signed receipt of an erasure, or print the key that does.",
        "workers.roots.receipt",
        ("receipt_key_file", *_LOGS),
        receipt.add_options,
        waits=False,
    ),
    Command(
        "try",
        "Show what messages of a file are read as, which fields are left out, and what is dead "
        "and why. Nothing is sent.",
        "workers.roots.try_out",
        (*_DIALECT, "future_tolerance", *_LOGS),
        try_out.add_options,
        waits=False,
    ),
    Command(
        "import",
        "Publish a shop's history, or its catalogue, from files: in time order, each event once, "
        "after a look at all of it.",
        "workers.roots.imports",
        (*_KAFKA, "redis_url", *_DIALECT, "future_tolerance", "outage_limit", *_LOGS),
        look.add_options,
        waits=False,
    ),
)
