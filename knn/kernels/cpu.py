"""The CPU's engine: every kernel that an index calls, under one roof."""

from knn.kernels.bit_planes import TOGETHER as EIGHT
from knn.kernels.bit_planes import WORD
from knn.kernels.blocks import TOGETHER
from knn.kernels.cpu_codes import DEAD_CODE, WIDEST, encode_points, encode_queries, search_panels
from knn.kernels.cpu_cover import cover_within, put_in, search_cover
from knn.kernels.cpu_dci import inside, radii_of_visits
from knn.kernels.cpu_distance import definition_sum, rank, scan
from knn.kernels.cpu_heap import ascending, empty_heaps
from knn.kernels.cpu_inner import inner_sum, rank_inner, scan_inner
from knn.kernels.cpu_levels import nearest_heads, search_levels, widen_reach
from knn.kernels.cpu_look_up import DEAD
from knn.kernels.cpu_lsh import collide, first_of, search_tables
from knn.kernels.cpu_narrow import NARROW, scan_narrow
from knn.kernels.cpu_planes import build_planes, fill_blocks, n_blocks, n_nodes
from knn.kernels.cpu_possible import cells_leave, codes_leave
from knn.kernels.cpu_principal import (
    answer_queries,
    encode,
    margins_of,
    nearest_codes,
    pack,
    principal_coordinates,
    prove_queries,
    quick_codes,
    seen_queries,
    terms_of,
    unpack,
    with_residual,
)
from knn.kernels.cpu_prioritized import bounded, complete, pop_complete, within
from knn.kernels.cpu_projections import gaps_of, largest_gaps, merge_runs, project, visits_within
from knn.kernels.cpu_radius import blocks_within, listed_within, rows_within, scan_within
from knn.kernels.cpu_rotated import encode_rotated, search_rotated
from knn.kernels.cpu_screen import collect, rescale, seed, settle, squared_norms, tighten
from knn.kernels.cpu_select import kth_smallest
from knn.kernels.cpu_tree import enclose_nodes, search_tree
from knn.kernels.cpu_tree_narrow import enclose_blocks, first_nodes, leaves_of, search_blocks
from knn.kernels.panels import BLOCK, BLOCKS, QUERIES, multiplies_bytes

__all__ = [
    "BLOCK",
    "BLOCKS",
    "DEAD",
    "DEAD_CODE",
    "EIGHT",
    "NARROW",
    "QUERIES",
    "TOGETHER",
    "WIDEST",
    "WORD",
    "answer_queries",
    "ascending",
    "blocks_within",
    "bounded",
    "build_planes",
    "cells_leave",
    "codes_leave",
    "collect",
    "collide",
    "complete",
    "cover_within",
    "definition_sum",
    "empty_heaps",
    "enclose_blocks",
    "enclose_nodes",
    "encode",
    "encode_points",
    "encode_queries",
    "encode_rotated",
    "fill_blocks",
    "first_nodes",
    "first_of",
    "gaps_of",
    "inner_sum",
    "inside",
    "kth_smallest",
    "largest_gaps",
    "leaves_of",
    "listed_within",
    "margins_of",
    "merge_runs",
    "multiplies_bytes",
    "n_blocks",
    "n_nodes",
    "nearest_codes",
    "nearest_heads",
    "pack",
    "pop_complete",
    "principal_coordinates",
    "project",
    "prove_queries",
    "put_in",
    "quick_codes",
    "radii_of_visits",
    "rank",
    "rank_inner",
    "rescale",
    "rows_within",
    "scan",
    "scan_inner",
    "scan_narrow",
    "scan_within",
    "search_blocks",
    "search_cover",
    "search_levels",
    "search_panels",
    "search_rotated",
    "search_tables",
    "search_tree",
    "seed",
    "seen_queries",
    "settle",
    "squared_norms",
    "terms_of",
    "tighten",
    "unpack",
    "visits_within",
    "widen_reach",
    "with_residual",
    "within",
]
