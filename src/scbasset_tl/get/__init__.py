"""Read results back; nothing here writes to the data."""

from scbasset_tl.get._accessibility import accessibility as accessibility
from scbasset_tl.get._history import history as history
from scbasset_tl.get._model import model as model
from scbasset_tl.get._report import report as report

__all__ = ["accessibility", "history", "model", "report"]
