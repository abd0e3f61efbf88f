# Written by `python -m reports.stubs` from the table in __init__.py; do not edit.
from knn.base import NearestNeighbours as NearestNeighbours
from knn.base import Neighbours as Neighbours
from knn.base import indexes as indexes
from knn.cover_tree import CoverTree as CoverTree
from knn.dci import DCI as DCI
from knn.device_rows import DeviceRows as DeviceRows
from knn.exact import BruteForce as BruteForce
from knn.kdtree import KDTree as KDTree
from knn.lsh import LSH as LSH
from knn.multi_level_dci import MultiLevelDCI as MultiLevelDCI
from knn.principal_dci import PrincipalDCI as PrincipalDCI
from knn.prioritized_dci import PrioritizedDCI as PrioritizedDCI
from knn.random_hierarchy import RandomHierarchy as RandomHierarchy
from knn.registry import Registry as Registry
from knn.rotated_dci import RotatedDCI as RotatedDCI
from knn.sharded import Sharded as Sharded
from knn.transform import NeighboursTransformer as NeighboursTransformer
from knn.tuning import RecallNotReached as RecallNotReached
from knn.tuning import Trial as Trial
from knn.tuning import Tuned as Tuned
from knn.tuning import tuned as tuned

__all__ = [
    "DCI",
    "LSH",
    "BruteForce",
    "CoverTree",
    "DeviceRows",
    "KDTree",
    "MultiLevelDCI",
    "NearestNeighbours",
    "Neighbours",
    "NeighboursTransformer",
    "PrincipalDCI",
    "PrioritizedDCI",
    "RandomHierarchy",
    "RecallNotReached",
    "Registry",
    "RotatedDCI",
    "Sharded",
    "Trial",
    "Tuned",
    "indexes",
    "tuned",
]
