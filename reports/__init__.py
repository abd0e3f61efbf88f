"""Experiments become records; tables, figures and one page are pure functions of the records."""

from knn.lazy import lazy_exports

_HOMES = {
    "Audit": "reports.auditing",
    "Record": "reports.record",
    "Store": "reports.store",
    "StoreError": "reports.store",
    "audit": "reports.auditing",
    "run": "reports.runner",
    "table": "reports.tables",
}
__all__ = list(_HOMES)
__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
