"""The rules of a tournament. Standard library only; time, ids and chance come in as arguments.

Every subject is imported here, so that whoever reads a stored event finds its class in fact.EVENTS.
"""

from . import devices, drawing, evening, people, picking  # noqa: F401
