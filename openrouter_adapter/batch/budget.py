"""The limit of a job's spending, held before each request and settled by its bill.

Exact for the one process that a folder's lock lets in. All amounts are in picodollars.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Budget:
    """What a job may spend and has spent.

    Attributes:
        limit: What may never be passed; None for no limit.
        spent: What was charged.
        unsettled: The worst case of requests whose cost isn't known.
        held: The worst case of requests in the air.
    """

    limit: int | None = None
    spent: int = 0
    unsettled: int = 0
    held: int = 0

    @property
    def left(self) -> int | None:
        """What can still be held; None for no limit."""
        if self.limit is None:
            return None
        return self.limit - self.spent - self.unsettled - self.held

    def hold(self, worst: int | None) -> bool:
        """Holds the worst case of a request; False where the rest is too small for it."""
        left = self.left
        if left is None:
            return True
        if worst is None or worst > left:
            return False
        self.held += worst
        return True

    def settle(self, worst: int | None, cost: int | None) -> None:
        """Ends a hold: by what was charged, or None where that isn't known."""
        if self.limit is not None:
            self.held -= worst or 0
        if cost is None:
            self.unsettled += worst or 0
        else:
            self.spent += cost
