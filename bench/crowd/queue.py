"""An SQS standard queue with fair groups, as AWS documents them.

Older messages go first, also those that come back, and quiet groups' messages before noisy ones'. A group is noisy when it
has more than 10 % of the messages in flight, and 30 at least, or more than 10 % of the recent processing time. Of noisy
groups, the one that has the fewest in flight goes first. AWS says neither how often it looks nor what recent is: here once
a second, and the last minute, weighted exponentially. Processing time is what SQS can see of it: the time in flight, which
a retry's wait is part of.
"""

from __future__ import annotations

from heapq import heappop, heappush

IN_FLIGHT_LIMIT = 120_000
NOISY_SHARE = 0.10
NOISY_LEAST = 30
RECENT_SECONDS = 60.0


class Queue:
    """Messages are numbers by age; `group_of` says each one's group. Delays and visibility are the caller's events."""

    def __init__(self, group_of: list[int], groups: int, *, fair: bool = True) -> None:
        self._group_of, self._fair = group_of, fair
        self._quiet: list[int] = []
        self._noisy: dict[int, list[int]] = {}
        self._in_flight = [0] * groups
        self._time = [0.0] * groups
        self._busy: set[int] = set()
        self.in_flight = 0
        self.visible = 0
        self.peak_in_flight = 0

    def show(self, message: int) -> None:
        """The message has been sent, or its delay is over."""
        self.visible += 1
        noisy = self._noisy.get(self._group_of[message]) if self._noisy else None
        heappush(self._quiet if noisy is None else noisy, message)

    def show_again(self, message: int) -> None:
        """Its visibility timeout is over."""
        self._leave(message)
        self.show(message)

    def take(self, limit: int) -> list[int]:
        """At most so many messages, in flight from now on."""
        taken: list[int] = []
        limit = min(limit, self.visible, IN_FLIGHT_LIMIT - self.in_flight)
        while len(taken) < limit:
            message = self._next()
            group = self._group_of[message]
            self._in_flight[group] += 1
            self._busy.add(group)
            taken.append(message)
        self.visible -= len(taken)
        self.in_flight += len(taken)
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        return taken

    def delete(self, message: int) -> None:
        self._leave(message)

    def find_noisy(self, seconds: float) -> None:
        """Finds the noisy groups; `seconds` since the last time."""
        if not self._fair:
            return
        kept = 1 - seconds / RECENT_SECONDS
        for group in list(self._busy):
            self._time[group] = self._time[group] * kept + self._in_flight[group] * seconds
            if not self._in_flight[group] and self._time[group] < 1e-3:
                self._busy.discard(group)
                self._time[group] = 0.0
        all_time = sum(self._time[group] for group in self._busy)
        noisy = {group for group in self._busy if self._is_noisy(group, all_time)}
        for group in self._noisy.keys() - noisy:
            for message in self._noisy.pop(group):
                heappush(self._quiet, message)
        for group in noisy - self._noisy.keys():
            self._noisy[group] = []

    def noisy_groups(self) -> set[int]:
        return set(self._noisy)

    def _is_noisy(self, group: int, all_time: float) -> bool:
        own = self._in_flight[group]
        if own >= NOISY_LEAST and own > NOISY_SHARE * self.in_flight:
            return True
        return self._time[group] > NOISY_SHARE * all_time

    def _next(self) -> int:
        while self._quiet:
            message = heappop(self._quiet)
            noisy = self._noisy.get(self._group_of[message]) if self._noisy else None
            if noisy is None:
                return message
            heappush(noisy, message)
        waiting = (group for group, messages in self._noisy.items() if messages)
        return heappop(self._noisy[min(waiting, key=self._in_flight.__getitem__)])

    def _leave(self, message: int) -> None:
        self._in_flight[self._group_of[message]] -= 1
        self.in_flight -= 1
