"""What the encoder's searches found of one picture under one model."""

from __future__ import annotations

from explorer.condition import Condition
from explorer.images import InputError
from explorer.pace import nothing
from explorer.session import Session
from explorer.views.service.messages import SearchFound


class Searches:
    """Numbers by λ and effort, and the sessions that have all else. May be called from any thread."""

    def __init__(self) -> None:
        self._found: dict[tuple[Condition, int], SearchFound] = {}
        self._sessions: dict[int, Session] = {}

    def found(self) -> list[SearchFound]:
        """The numbers of all of them, in the order in which they were found."""
        return list(self._found.values())

    def known(self, condition: Condition, effort: int) -> SearchFound | None:
        """The numbers of one, or None where nobody has searched."""
        return self._found.get((condition, effort))

    def keep(self, condition: Condition, found: SearchFound, session: Session) -> None:
        """Keep what was found; session: at its effort."""
        effort = found["effort"]
        self._sessions.setdefault(effort, session.paced(nothing).at_effort(effort))
        self._found[condition, effort] = found

    def session(self, condition: Condition, effort: int) -> Session:
        """The session that has what was found at λ; InputError where nobody has searched."""
        if not self.known(condition, effort):
            raise InputError(f"Nobody has searched with effort {effort} at this λ: start it in the tab “Search”.")
        return self._sessions[effort]
