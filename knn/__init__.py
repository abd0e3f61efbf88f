"""Exact and approximate nearest neighbours that say what they cost and whether they are proved."""

from knn.lazy import lazy_exports

_HOMES = {
    "BruteForce": "knn.exact",
    "CoverTree": "knn.cover_tree",
    "DCI": "knn.dci",
    "DeviceRows": "knn.device_rows",
    "KDTree": "knn.kdtree",
    "LSH": "knn.lsh",
    "MultiLevelDCI": "knn.multi_level_dci",
    "Neighbours": "knn.base",
    "NearestNeighbours": "knn.base",
    "NeighboursTransformer": "knn.transform",
    "PrincipalDCI": "knn.principal_dci",
    "PrioritizedDCI": "knn.prioritized_dci",
    "RandomHierarchy": "knn.random_hierarchy",
    "RecallNotReached": "knn.tuning",
    "Registry": "knn.registry",
    "RotatedDCI": "knn.rotated_dci",
    "Sharded": "knn.sharded",
    "Trial": "knn.tuning",
    "Tuned": "knn.tuning",
    "indexes": "knn.base",
    "tuned": "knn.tuning",
}
__all__ = list(_HOMES)
__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
