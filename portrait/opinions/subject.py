"""Subjects: what opinions are about."""

from dataclasses import dataclass
from enum import StrEnum

from portrait.events.category import levels_of, meaning_of, paths_to
from portrait.ref import subject_ref

MOST_LEVELS = 4  # of a category's path, the widest


class SubjectKind(StrEnum):
    """What a subject is. The narrowest first: of a turn that several show, the first is told."""

    ITEM = "item"
    SUBJECT = "subject"  # what a post says that it is about
    BRAND = "brand"
    CATEGORY = "category"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that opinions are about."""

    kind: SubjectKind
    name: str  # as it was first written

    @property
    def ref(self) -> int:
        """Names it in keys. Two spellings of a category are one, as everywhere."""
        plain = meaning_of(self.name) if self.kind is SubjectKind.CATEGORY else self.name
        return subject_ref(f"{self.kind}:{plain}")


def subjects_of(
    *, source: str, item: str | None, subject: str | None, brand: str, category: str
) -> tuple[Subject, ...]:
    """Return all that a text is about, the narrowest first."""
    paths = paths_to(category)[:MOST_LEVELS][::-1] if levels_of(category) else []
    named = [
        (SubjectKind.ITEM, item),
        (SubjectKind.SUBJECT, subject),
        (SubjectKind.BRAND, brand),
        *((SubjectKind.CATEGORY, path) for path in paths),
        (SubjectKind.SOURCE, source),
    ]
    return tuple(Subject(kind, name) for kind, name in named if name)
