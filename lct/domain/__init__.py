"""The rules of a tournament. Standard library only; time, ids and chance come in as arguments.

Importing this package imports every subject, which fills fact.EVENTS with all event classes.
"""

from . import call_names, devices, door, drawing, evening, guests, listing, people, picking  # noqa: F401
from .play import calling, choosing, leaving, pairing, reporting, seeding, settling  # noqa: F401
