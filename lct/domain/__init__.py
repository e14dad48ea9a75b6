"""The rules of a tournament. Standard library only; time, ids and chance come in as arguments.

Importing this package imports every subject, which fills fact.EVENTS with all event classes.
"""

from . import (  # noqa: F401
    call_names,
    devices,
    door,
    drawing,
    evening,
    gathering,
    guests,
    listing,
    people,
    picking,
)
from .play import calling, choosing, leaving, pairing, reporting, seeding, settling  # noqa: F401
