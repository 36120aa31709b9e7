"""The commands of the help desk, and which settings they read."""

from assist.command import add_assist_options, add_desk_options
from portrait.command import Command

ASSIST = Command(
    "assist",
    "Understand customers' messages and suggest replies over HTTP, beside the profile of who "
    "writes; learn from labels.",
    "assist.roots.assist",
    (
        *("help_desk", "assist_models", "host", "assist_port", "redis_url", "profile_ttl"),
        *("shop", "shops"),
        *("encoder", "encoder_backend", "encoder_tokens", "encoder_threads"),
        *("rephrase_url", "rephrase_model", "rephrase_key", "rephrase_wait"),
        *("allowed_hosts", "allowed_origins", "consent", "declared"),
        *("max_body_bytes", "max_connections", "header_time", "body_pause", "body_time"),
        *("write_time", "keep_alive", "drain"),
        *("access", "key_rate", "oidc_issuer", "oidc_audience", "oidc_keys_url"),
        "oidc_shop_claim",
        *("tls_certificate_file", "tls_key_file"),
        *("health_host", "health_port", "log_format"),
    ),
    add_assist_options,
)
DESK = Command(
    "help-desk",
    "Check a help desk's intents, replies and rules, and import help texts into it.",
    "assist.roots.help_desk",
    ("help_desk", "log_format"),
    add_desk_options,
    waits=False,
)
COMMANDS = (ASSIST, DESK)
