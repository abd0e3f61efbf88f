"""Experiments become records; tables, figures and one page are pure functions of the records."""

from knn.lazy import lazy_exports

_HOMES = {
    "Audit": "reports.auditing",
    "Damage": "reports.store",
    "DataError": "reports.datasets.source",
    "Defect": "reports.auditing",
    "LockHeld": "reports.store",
    "LockLost": "reports.store",
    "Record": "reports.record",
    "RunSummary": "reports.runner",
    "Status": "reports.record",
    "Store": "reports.store",
    "StoreDamaged": "reports.store",
    "StoreError": "reports.store",
    "StoreNewer": "reports.store",
    "StoreNotWritten": "reports.store",
    "WorkersBroken": "reports.workers",
    "audit": "reports.auditing",
    "run": "reports.runner",
    "table": "reports.tables",
}
__all__ = list(_HOMES)
__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
