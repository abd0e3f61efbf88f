# Written by `python -m reports.stubs` from the table in __init__.py; do not edit.
from reports.auditing import Audit as Audit
from reports.auditing import Defect as Defect
from reports.auditing import audit as audit
from reports.datasets.source import DataError as DataError
from reports.record import Record as Record
from reports.record import Status as Status
from reports.runner import RunSummary as RunSummary
from reports.runner import run as run
from reports.store import Damage as Damage
from reports.store import LockHeld as LockHeld
from reports.store import LockLost as LockLost
from reports.store import Store as Store
from reports.store import StoreDamaged as StoreDamaged
from reports.store import StoreError as StoreError
from reports.store import StoreNewer as StoreNewer
from reports.store import StoreNotWritten as StoreNotWritten
from reports.tables import table as table
from reports.workers import WorkersBroken as WorkersBroken

__all__ = [
    "Audit",
    "Damage",
    "DataError",
    "Defect",
    "LockHeld",
    "LockLost",
    "Record",
    "RunSummary",
    "Status",
    "Store",
    "StoreDamaged",
    "StoreError",
    "StoreNewer",
    "StoreNotWritten",
    "WorkersBroken",
    "audit",
    "run",
    "table",
]
