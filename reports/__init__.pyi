# Written by `python -m reports.stubs` from the table in __init__.py; do not edit.
from reports.auditing import Audit as Audit
from reports.auditing import audit as audit
from reports.record import Record as Record
from reports.runner import run as run
from reports.store import Store as Store
from reports.store import StoreError as StoreError
from reports.tables import table as table

__all__ = [
    "Audit",
    "Record",
    "Store",
    "StoreError",
    "audit",
    "run",
    "table",
]
