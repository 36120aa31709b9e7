"""How many people took which path, in memory."""

from collections import defaultdict

from portrait.audiences.paths import LEFT, MOST_KEPT, Commonest, Kind, Path, Walked, Week
from portrait.errors import StoreUnavailableError


class MemoryPaths:
    """A `PathStore` in sets: it does not err, drops what is rare, and keeps all weeks."""

    def __init__(self) -> None:
        self.people: dict[Week, dict[str, set[str]]] = {}
        self.is_down = False
        self._missing: defaultdict[Week, int] = defaultdict(int)

    async def walk(self, walked: Walked) -> None:
        """Note who did."""
        if self.is_down:
            raise StoreUnavailableError
        for week, people in walked.items():
            known = self.people.setdefault(week, {})
            for name, users in people.items():
                known.setdefault(name, set()).update(users)
            if len(known) > MOST_KEPT:
                self._drop(week)

    def _drop(self, week: Week) -> None:
        known = self.people[week]
        rare = sorted(known, key=lambda name: (len(known[name]), name))[: len(known) - LEFT]
        self._missing[week] += max(len(known.pop(name)) for name in rare)

    async def commonest(self, kind: Kind, weeks: range, most: int) -> Commonest:
        """Count the people of each over the weeks."""
        found: dict[str, set[str]] = {}
        for week in weeks:
            for name, users in self.people.get(Week(kind, week), {}).items():
                found.setdefault(name, set()).update(users)
        paths = [Path(name, len(users)) for name, users in found.items()]
        paths.sort(key=lambda path: (-path.people, path.name))
        missing = sum(self._missing[Week(kind, week)] for week in weeks)
        return Commonest(paths[:most], missing)
