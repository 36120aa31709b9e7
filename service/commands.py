"""The command of the service, and which settings it reads."""

from portrait.command import Command

COMMANDS = (
    Command(
        "service",
        "Serve profiles and recommendations over HTTP, and take events from producers without "
        "Kafka.",
        "service.root",
        (
            *("host", "port", "redis_url", "profile_ttl"),
            *("time_zone", "currency", "currency_rates", "mapping"),
            *("kafka_bootstrap", "kafka_security", "kafka_mechanism", "kafka_username"),
            *("kafka_password", "kafka_password_file", "kafka_ca_file"),
            *("allowed_hosts", "allowed_origins", "future_tolerance"),
            *("max_body_bytes", "max_connections", "header_time", "body_pause", "body_time"),
            *("write_time", "keep_alive", "drain", "log_format"),
        ),
    ),
)
