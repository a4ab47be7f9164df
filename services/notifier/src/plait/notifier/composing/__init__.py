"""Makes notices of what is queued, from the record as it stands when they are sent."""

from plait.notifier.composing.composer import Composer
from plait.notifier.composing.desk import Desk, NotYet

__all__ = ["Composer", "Desk", "NotYet"]
