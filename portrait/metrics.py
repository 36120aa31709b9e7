"""Metrics: every series that Portrait exports, in one place."""

from collections.abc import Iterator
from contextlib import suppress
from copy import copy

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.registry import Collector

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def written(shop: str | None) -> bytes:
    """Return every series in Prometheus' text format; where there are shops, with whose it is."""
    return generate_latest(REGISTRY if shop is None else _OfShop(shop))


class _OfShop(Collector):
    """All series, each with the name of the shop that this process is for."""

    def __init__(self, shop: str) -> None:
        self._shop = shop

    def collect(self) -> Iterator[Metric]:
        for metric in REGISTRY.collect():
            named = copy(metric)  # some are the same each time
            named.samples = [
                each._replace(labels={**each.labels, "shop": self._shop}) for each in metric.samples
            ]
            yield named


# The update worker
events_folded = Counter("portrait_events_total", "Events folded for the first time.", ["action"])
events_repeated = Counter("portrait_events_repeated_total", "Events known already, or erased.")
erasures = Counter("portrait_erasures_total", "Requests to forget a user taken in.")
messages_passed_over = Counter(
    "portrait_messages_passed_over_total",
    "Messages that are known and of no interest, by what producers call them.",
    ["name"],
)
fields_left_out = Counter(
    "portrait_fields_left_out_total",
    "Fields that could not be read, of events and items that were.",
    ["field"],
)
dead_letters = Counter("portrait_dead_letters_total", "Payloads dead-lettered.", ["topic"])
batch_events = Histogram(
    "portrait_batch_events", "Events of a batch.", buckets=(1, 10, 50, 100, 500, 1_000, 5_000)
)
stage_seconds = Histogram(
    "portrait_stage_seconds", "Time of one stage of a batch.", ["stage"], buckets=_SECONDS
)
freshness_seconds = Histogram(
    "portrait_freshness_seconds",
    "From Kafka's time of a batch's oldest event to its stored profile.",
    buckets=_SECONDS,
)
profiles_stored = Counter("portrait_profiles_stored_total", "Profiles written.")
profiles_refused = Counter(
    "portrait_profiles_refused_total", "Writes refused because a newer profile was there."
)
profiles_repainted = Counter(
    "portrait_profiles_repainted_total", "Profiles painted anew after a promotion."
)
profiles_damaged = Counter(
    "portrait_profiles_damaged_total",
    "Damaged profiles found: begun anew by an update worker, passed over by the service.",
)
values_damaged = Counter(
    "portrait_values_damaged_total",
    "Damaged or missing values of Redis found that are no profile's, once by each process.",
    ["kind"],
)
partition_lag = Gauge(
    "portrait_partition_lag_records", "Records not yet read.", ["topic", "partition"]
)
records_unreadable = Counter(
    "portrait_records_unreadable_total",
    "Records, or stretches of the log, that the Kafka client cannot read; stepped over.",
    ["topic"],
)
logs_begun = Counter(
    "portrait_logs_begun_again_total",
    "Partitions found to be another log than before, or one that lost its end; read anew.",
    ["topic"],
)

# Text
texts_encoded = Counter("portrait_texts_encoded_total", "Texts that BERT read.")
texts_late = Gauge("portrait_texts_late", "Parts of batches whose new texts are still being read.")
texts_passed_over = Counter(
    "portrait_texts_passed_over_total",
    "New texts that are not read: too many are. They weigh nothing until they come again.",
)
searches_unread = Counter(
    "portrait_searches_unread_total",
    "Searches that the encoder's vocabulary lacks, each time that one is met: matched by words.",
)
searches_late = Counter(
    "portrait_searches_late_total",
    "Requests whose new searches were not read in time, or not asked for as too many wait.",
)
texts_unread = Gauge(
    "portrait_texts_unread_share",
    "Share of the catalogue's texts that the champion's encoder cannot read, of a sample.",
)
texts_cached = Counter("portrait_texts_cached_total", "Texts whose vector was known.")

# The index worker
items_indexed = Counter("portrait_items_indexed_total", "Catalogue changes taken in.")
ledger_failures = Counter(
    "portrait_ledger_failures_total", "Times that who serves could not be written down."
)
catalogue_items = Gauge("portrait_catalogue_items", "Items in this process's catalogue.")

# The archive worker
events_archived = Counter("portrait_archived_events_total", "Events written to files.")
archive_files = Gauge("portrait_archive_files", "Files of the archive.")
archive_bytes = Gauge("portrait_archive_bytes", "Size of the archive.")

# The opinion worker
opinions_read = Counter("portrait_opinions_total", "Reviews and posts counted.")
opinion_alerts = Counter(
    "portrait_opinion_alerts_total", "Turns and surges found, those of long ago, too.", ["kind"]
)
opinion_alerts_told = Counter(
    "portrait_opinion_alerts_told_total",
    "Alerts that left, or were given up, by the topic and by the webhook.",
    ["way", "outcome"],
)

# The segment worker
segment_changes = Counter(
    "portrait_segment_changes_total", "People who entered or left segments.", ["change"]
)
segment_changes_told = Counter(
    "portrait_segment_changes_told_total",
    "Of those, what left, or was given up, by the topic and by the webhook.",
    ["way", "outcome"],
)
segment_walk_seconds = Gauge(
    "portrait_segment_walk_seconds", "How long the last look at everybody took."
)

# The experiment worker
lists_brought = Counter(
    "portrait_lists_brought_total",
    "What lists of recommendations came to: lists and items seen, clicks, carts, purchases; "
    "revenue in thousandths of the shop's unit.",
    ["surface", "metric"],
)

# The trainer
trainings = Counter("portrait_trainings_total", "Trainings that ended.", ["outcome"])
trained_at = Gauge(
    "portrait_trained_timestamp_seconds",
    "When the newest training ended that came to a verdict; before the first, when this began.",
)
refused_in_a_row = Gauge(
    "portrait_refused_challengers", "Challengers refused since one was promoted."
)
jobs_unattended = Gauge(
    "portrait_jobs_unattended", "Trainings that wait because no trainer is alive; by the service."
)
live = Gauge(
    "portrait_live_figure",
    "What the champion does in service: hit rate of its next item, calibration error by head.",
    ["figure"],
)

# The service
requests = Counter("portrait_requests_total", "Requests answered.", ["route", "method", "status"])
request_seconds = Histogram(
    "portrait_request_seconds", "Time to answer.", ["route"], buckets=_SECONDS
)
requests_held = Gauge(
    "portrait_requests_held", "Requests held open: streams, and reads that wait for a position."
)
assist_answers = Counter(
    "portrait_assist_answers_total",
    "Messages of customers, by what knew what they mean, and by who answers.",
    ["understood_by", "answered_by"],
)
assist_outcomes = Counter(
    "portrait_assist_outcomes_total",
    "Answers that agents accepted, edited or refused.",
    ["outcome"],
)
rephrasings = Counter(
    "portrait_rephrasings_total", "Replies that a model said in other words.", ["outcome"]
)
impressions_dropped = Counter(
    "portrait_impressions_dropped_total",
    "Answers whose impressions were not published: Kafka was away for too long.",
)
access_decisions = Counter(
    "portrait_access_total",
    "Requests let in, or refused and why; nothing is counted where access control is off.",
    ["decision"],
)


class ShopSeries:
    """Series by shop, of a process that serves several; where there are none, nobody makes this."""

    def __init__(self) -> None:
        self.requests = Counter(
            "portrait_shop_requests_total", "Requests with a key of a shop.", ["shop"]
        )
        self.items = Gauge(
            "portrait_shop_catalogue_items",
            "Items in this process's catalogue of a shop.",
            ["shop"],
        )
        self.unattended = Gauge(
            "portrait_shop_jobs_unattended",
            "Trainings of a shop that wait because no trainer is alive.",
            ["shop"],
        )

    def forget(self, shop: str) -> None:
        """Tell nothing more of a shop that is not open here."""
        for each in (self.items, self.unattended):
            with suppress(KeyError):  # it was never told
                each.remove(shop)
