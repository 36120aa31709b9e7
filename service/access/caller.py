"""The caller: who asks, as far as access goes."""

from dataclasses import dataclass

from portrait.access.scope import Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was let in."""

    name: str  # as the audit log has it
    scopes: frozenset[Scope]
    origins: frozenset[str] = frozenset()  # of a public key: where it may be shown from
    rate: float | None = None  # tokens a second; None: as of all
    shop: str | None = None  # whose; None: there is but one

    @property
    def is_public(self) -> bool:
        """Whether any visitor of a page may be behind it."""
        return bool(self.origins)


ANYBODY = Caller("anybody", frozenset(Scope))  # where access control is off
