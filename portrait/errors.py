"""Every error of ours, by what the caller can do about it."""


class PortraitError(Exception):
    """Something in Portrait went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class SettingsInvalidError(PortraitError):
    """A setting makes no sense; the message says which, and what to do."""


class FileUnreadableError(PortraitError):
    """A file cannot be read; the message says which, and why."""


class RecordInvalidError(PortraitError):
    """The record can never be read: dead-letter it, do not retry."""


class EventInvalidError(RecordInvalidError):
    """The payload can never be an event: dead-letter it, do not retry."""


class ItemInvalidError(RecordInvalidError):
    """The payload can never be a catalogue item: dead-letter it, do not retry."""


class LetterInvalidError(RecordInvalidError):
    """The dead letter cannot be sent back: leave it where it is."""


class SchemaInvalidError(PortraitError):
    """Nothing can be read by this schema: dead-letter what is framed with it."""


class SchemasUnavailableError(PortraitError):
    """The schema registry did not answer: try again later."""


class IssuerUnavailableError(PortraitError):
    """The identity provider does not say what its keys are."""


class ProfileNotFoundError(PortraitError):
    """Nothing is known of this user."""


class ProfileErasedError(PortraitError):
    """They were erased, and what they do is passed over until that is lifted."""


class PositionInvalidError(PortraitError):
    """This is no position that can be waited for."""


class PositionNotReachedError(PortraitError):
    """Not all up to this position is in profiles yet: try again in a moment."""


class NotSuppressedError(PortraitError):
    """What this user does is not passed over: there is nothing to lift."""


class ConsentWithdrawnError(PortraitError):
    """They do not let their profile be used: it is shown to nobody."""


class ItemNotFoundError(PortraitError):
    """The catalogue has no such item."""


class BusyError(PortraitError):
    """Too many ask for recommendations at once: try again in a moment."""


class ModelMissingError(PortraitError):
    """No model is in service here yet: it is being loaded, or no index worker saw a catalogue."""


class ModelInvalidError(PortraitError):
    """A model's parts are damaged, or of another kind than this program reads: refuse it."""


class IndexNotBuiltError(PortraitError):
    """The index of items could not be built: lists are made without it, which takes longer."""


class EncoderInvalidError(PortraitError):
    """The encoder needs what Portrait does not have: choose another one."""


class SpaceMismatchError(PortraitError):
    """Two vectors of different spaces must not meet."""


class StoreUnavailableError(PortraitError):
    """Redis did not answer: try again later."""


class StoreDamagedError(StoreUnavailableError):
    """A key of ours in Redis is of another type than we keep there: somebody has to mend it."""


class StoreRefusedError(PortraitError):
    """Redis will never take such a command: a bug of ours, or a Redis too old. Do not retry."""


class OvertakenError(PortraitError):
    """Another worker has stored something meanwhile: load again."""


class StoreRestartedError(PortraitError):
    """Redis has begun another life, and may have lost writes: read the log again from there."""


class StreamUnavailableError(PortraitError):
    """Kafka did not answer: try again later."""


class WebhookError(PortraitError):
    """An alert was not taken where it was sent: try again later."""
