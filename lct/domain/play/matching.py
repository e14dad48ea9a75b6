"""Edmonds' blossom algorithm: everybody in one pair each, at the lowest total cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

NOBODY = -1
NO_EDGE = NOBODY, NOBODY
# How dual values move while the tree grows. Outer is an even number of steps from the root.
OUTER, INNER, OUTSIDE = 1, -1, 0
# Kinds of step, in the order in which they are taken when they are due together.
EXPAND, REACH, MEET = 0, 1, 2


def cheapest(costs: Sequence[Sequence[int]]) -> list[int]:
    """The partner of each of n vertices in a perfect matching of the lowest total cost.

    ``costs`` is a symmetric n by n matrix of whole numbers of at least 0; its diagonal is not
    read. n is even, else ValueError. Edges of cost 0 make a quick start. It takes O(n^3 log n)
    steps at worst, and far fewer when most of the edges of the answer cost nothing.

    Source: J. Edmonds, "Maximum matching and a polyhedron with 0,1-vertices" (1965), in the
    primal-dual form of Z. Galil, "Efficient algorithms for finding maximum matching in graphs",
    ACM Computing Surveys 18 (1986), with one alternating tree at a time.
    """
    if len(costs) % 2:
        raise ValueError("an odd number of vertices")
    search = _Search(costs)
    for root in range(len(costs)):
        if search.mate[root] == NOBODY:
            search.match(root)
    return search.mate


class _Search:
    """A matching and its dual values, which prove that it is the cheapest of its size so far.

    Vertices are 0 to n - 1, blossoms get the numbers after that. A top is a blossom or vertex in
    no other blossom. At any time ``value[u] + value[v] <= 2 * costs[u][v]`` for tops apart; all
    edges of the matching, of the tree and of blossoms' cycles are tight. The values of a top in
    the tree move with the tree's time, so they are written down only when its role changes.
    """

    def __init__(self, costs: Sequence[Sequence[int]]) -> None:
        self.costs = costs
        self.n = n = len(costs)
        self.mate = [NOBODY] * n
        self.value = [0] * n
        self.top = list(range(n))
        self.parent = [NOBODY] * n  # the blossom right around a vertex or blossom
        self.base = list(range(n))  # its one vertex that is not matched inside it
        self.cycle: list[list[int]] = [[] for _ in range(n)]  # children, the one of the base first
        self.links: list[list[tuple[int, int]]] = [[] for _ in range(n)]  # child i to child i + 1
        self.weight = [0] * n  # a blossom's own dual value, at least 0
        self.role = [OUTSIDE] * n
        self.since = [0] * n  # the time at which it got the role
        self.entry = [NO_EDGE] * n  # the edge into it, from the root
        for u in range(n):
            for v in range(n):
                if u != v and costs[u][v] == 0 and self.mate[u] == self.mate[v] == NOBODY:
                    self.mate[u], self.mate[v] = v, u

    def match(self, root: int) -> None:
        """Match ``root`` too: grow its tree until it reaches another vertex without a partner."""
        self.now = 0
        self.due: list[tuple[int, int, int, int]] = []  # time, kind of step, two vertices
        self.soonest: dict[int, int] = {}  # when a vertex outside the tree is reached
        self.outer: list[int] = []  # the outer vertices
        self.tree: list[int] = []  # all numbers that ever had a role in this tree
        self._enter(self.top[root], OUTER, NO_EDGE)
        while True:
            self.now, kind, u, v = heappop(self.due)
            if kind == EXPAND:
                if self.parent[u] == NOBODY and self.role[u] == INNER:
                    self._expand(u)
            elif kind == MEET:
                if self.top[u] != self.top[v]:
                    self._shrink(u, v)
            elif self.role[self.top[v]] == OUTSIDE and self._is_tight(u, v):
                base = self.base[self.top[v]]
                partner = self.mate[base]
                if partner == NOBODY:
                    self._finish(u, v)
                    return
                self._enter(self.top[v], INNER, (u, v))
                self._enter(self.top[partner], OUTER, (base, partner))

    def _leaves(self, b: int) -> Iterator[int]:
        stack = [b]
        while stack:
            b = stack.pop()
            if b < self.n:
                yield b
            stack += self.cycle[b]

    def _settle(self, b: int) -> None:
        """Write down the values of a top as they are now."""
        step = self.role[b] * (self.now - self.since[b])
        self.since[b] = self.now
        if step:
            for v in self._leaves(b):
                self.value[v] += step
            self.weight[b] += 2 * step

    def _enter(self, b: int, role: int, entry: tuple[int, int]) -> None:
        """Give a top from outside its role in the tree."""
        self.role[b], self.since[b], self.entry[b] = role, self.now, entry
        self.tree.append(b)
        if role == OUTER:
            for u in self._leaves(b):
                self._scan(u)
        elif b >= self.n:
            heappush(self.due, (self.now + self.weight[b] // 2, EXPAND, b, self.base[b]))

    def _scan(self, u: int) -> None:
        """Note the steps along the edges of a vertex that has just become outer."""
        self.outer.append(u)
        top, role, since, value, now = self.top, self.role, self.since, self.value, self.now
        due, soonest, mine, own = self.due, self.soonest, self.top[u], value[u]
        for v, cost in enumerate(self.costs[u]):
            b = top[v]
            if b == mine or role[b] == INNER:
                continue
            slack = 2 * cost - own - value[v]
            if role[b] == OUTSIDE:
                if now + slack < soonest.get(v, now + slack + 1):
                    soonest[v] = now + slack
                    heappush(due, (now + slack, REACH, u, v))
            else:  # both ends move: the slack shrinks at double speed
                heappush(due, (now + (slack - now + since[b]) // 2, MEET, u, v))

    def _is_tight(self, u: int, v: int) -> bool:
        # A step noted for an outside vertex comes too early if that has been inner in between.
        moved = self.now - self.since[self.top[u]]
        return self.value[u] + moved + self.value[v] == 2 * self.costs[u][v]

    def _way_up(self, b: int) -> list[int]:
        """The tops from ``b`` to the root of the tree."""
        way = [b]
        while self.entry[way[-1]] != NO_EDGE:
            way.append(self.top[self.entry[way[-1]][0]])
        return way

    def _shrink(self, u: int, v: int) -> None:
        """Make a blossom of the odd cycle that the edge between two outer vertices closes."""
        left, right = self._way_up(self.top[u]), self._way_up(self.top[v])
        while left and right and left[-1] == right[-1]:
            meeting = left.pop()
            right.pop()
        down = [self.entry[b] for b in reversed(left)]
        up = [(y, x) for x, y in map(self.entry.__getitem__, right)]
        new, cycle = len(self.cycle), [meeting, *reversed(left), *right]
        self.cycle.append(cycle)
        self.links.append([*down, (u, v), *up])
        self.parent.append(NOBODY)
        self.base.append(self.base[meeting])
        self.weight.append(0)
        self.role.append(OUTER)
        self.since.append(self.now)
        self.entry.append(self.entry[meeting])
        self.tree.append(new)
        fresh: list[int] = []
        for b in cycle:
            self._settle(b)
            self.parent[b] = new
            if self.role[b] == INNER:
                fresh.extend(self._leaves(b))
        for w in self._leaves(new):
            self.top[w] = new
        for w in fresh:
            self._scan(w)

    def _expand(self, b: int) -> None:
        """Dissolve an inner blossom that has used up its weight."""
        self._settle(b)
        for child in self.cycle[b]:
            self.parent[child] = NOBODY
            self.role[child], self.since[child] = OUTSIDE, self.now
            for v in self._leaves(child):
                self.top[v] = child
        self.role[b] = OUTSIDE
        # The tree goes on along the cycle from where it enters, by the even way to the base.
        first = self.top[self.entry[b][1]]
        edges = self._even_way(b, first)
        self._enter(first, INNER, self.entry[b])
        for edge in edges[1::2]:
            self._enter(self.top[edge[1]], INNER, edge)
        for child in self.cycle[b]:
            if self.role[child] == OUTSIDE:
                for v in self._leaves(child):
                    self._await(v)
        for edge in edges[::2]:
            self._enter(self.top[edge[1]], OUTER, edge)

    def _await(self, v: int) -> None:
        """Note the step that reaches a vertex which is outside the tree again."""
        slack, u = min(
            (2 * self.costs[u][v] - self.value[u] - self.now + self.since[self.top[u]], u)
            for u in self.outer
        )
        self.soonest[v] = self.now + slack - self.value[v]
        heappush(self.due, (self.soonest[v], REACH, u, v))

    def _even_way(self, b: int, child: int) -> list[tuple[int, int]]:
        """The even way on the cycle from ``child`` to the base: in the matching, not in it, ..."""
        at = self.cycle[b].index(child)
        if at % 2:
            return self.links[b][at:]
        return [(v, u) for u, v in reversed(self.links[b][:at])]

    def _finish(self, u: int, v: int) -> None:
        """Swap the edges in and out of the matching, from ``v`` over ``u`` to the root."""
        for b in self.tree:
            if self.parent[b] == NOBODY:
                self._settle(b)
        for b in self.tree:
            self.role[b] = OUTSIDE
        self._rebase(self.top[v], v)
        while True:
            outer = self.top[u]
            self._rebase(outer, u)
            self.mate[u], self.mate[v] = v, u
            if self.entry[outer] == NO_EDGE:
                return
            inner = self.top[self.entry[outer][0]]
            u, v = self.entry[inner]
            self._rebase(inner, v)

    def _child(self, b: int, v: int) -> int:
        """The child of blossom ``b`` around the vertex ``v``."""
        while self.parent[v] != b:
            v = self.parent[v]
        return v

    def _rebase(self, b: int, v: int) -> None:
        """Swap edges inside a blossom so that ``v`` is the vertex without a partner inside it."""
        self.base[b] = v
        if b < self.n:
            return
        first = self._child(b, v)
        self._rebase(first, v)
        for x, y in self._even_way(b, first)[1::2]:
            self._rebase(self._child(b, x), x)
            self._rebase(self._child(b, y), y)
            self.mate[x], self.mate[y] = y, x
        at = self.cycle[b].index(first)
        self.cycle[b] = self.cycle[b][at:] + self.cycle[b][:at]
        self.links[b] = self.links[b][at:] + self.links[b][:at]
