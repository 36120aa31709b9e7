"""The commands of the service, and which settings they read."""

from portrait.command import Command
from service.access.command import add_options

SERVICE = Command(
    "service",
    "Serve profiles and recommendations over HTTP, and take events from producers without Kafka.",
    "service.roots.service",
    (
        *("host", "port", "redis_url", "profile_ttl", "consent", "declared", "impressions"),
        *("shop", "shops", "most_shops"),
        *("time_zone", "currency", "currency_rates", "mapping"),
        *("kafka_bootstrap", "kafka_security", "kafka_mechanism", "kafka_username"),
        *("kafka_password", "kafka_ca_file"),
        *("allowed_hosts", "allowed_origins", "future_tolerance"),
        *("max_body_bytes", "max_connections", "max_held", "key_held"),
        *("header_time", "body_pause", "body_time"),
        *("write_time", "keep_alive", "drain"),
        *("access", "key_rate", "oidc_issuer", "oidc_audience", "oidc_keys_url"),
        "oidc_shop_claim",
        *("tls_certificate_file", "tls_key_file"),
        *("health_host", "health_port", "log_format"),
    ),
)
COMMANDS = (
    SERVICE,
    Command(
        "keys",
        "Make, list and revoke the keys that programs and pages show to the service.",
        "service.roots.keys",
        ("redis_url", "shop", "log_format"),
        add_options,
        waits=False,
    ),
)
