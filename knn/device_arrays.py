"""Arrays in the memory of a CUDA device: what callers give, on which stream, and what they get back in kind."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

#: Numba empties its queue without a lock.
_clearing = threading.Lock()
#: DLPack's number of CUDA memory.
_CUDA = 2
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def on_device(values: Any) -> bool:
    """Whether `values` lies in the memory of a CUDA device: by __cuda_array_interface__, or DLPack."""
    if isinstance(values, np.ndarray):
        return False
    if _is_tensor(values):
        return bool(values.is_cuda)
    if getattr(values, "__cuda_ndarray__", False) or hasattr(values, "__cuda_array_interface__"):
        return True
    device = getattr(values, "__dlpack_device__", None)
    return device is not None and int(device()[0]) == _CUDA


def as_device_rows(values: Any, name: str, width: int | None = None) -> Any:
    """`values` (n ≥ 1, d ≥ 1) as Numba's array on the device, bound to their stream, without a copy. Entries go unseen.

    Raises TypeError for another type than float32 and float64, ValueError for another shape or order than rows one
    after another, each naming `name` and the remedy, and ValueError for memory of a device that is not the current one.
    """
    from numba import cuda

    if _is_tensor(values):
        values = values.detach()
        here = cuda.get_current_device().id
        if values.device.index not in (None, here):
            raise ValueError(f"{name} is on {values.device}, and kernels run on device {here}: move it with .to()")
    if getattr(values, "__cuda_ndarray__", False):
        array = values
    elif hasattr(values, "__cuda_array_interface__"):
        # The stream on which the values are written is the one on which they are read: nothing waits here.
        array = cuda.as_cuda_array(values, sync=False)
    else:
        import torch

        array = cuda.as_cuda_array(torch.from_dlpack(values), sync=False)
    if array.dtype not in FLOATS:
        raise TypeError(f"{name} is {array.dtype} on the device: cast it to float32 or float64")
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"{name} has shape {tuple(array.shape)}: it must have shape (points, features), none of them 0"
        )
    if width is not None and array.shape[1] != width:
        raise ValueError(f"{name} has {array.shape[1]} features, and {width} are needed: give rows of {width} numbers")
    if not array.is_c_contiguous():
        raise ValueError(f"{name} is not contiguous on the device: make it so, with .contiguous() of a tensor")
    return array.bind(stream_of(values))


def stream_of(values: Any) -> Any:
    """The stream on which the owner of `values` works at present, for Numba; the default stream where none is told."""
    from numba import cuda

    if _is_tensor(values):
        import torch

        handle = torch.cuda.current_stream(values.device).cuda_stream
        return cuda.external_stream(handle) if handle else 0
    if getattr(values, "__cuda_ndarray__", False):
        return values.stream
    interface = getattr(values, "__cuda_array_interface__", None)
    told = interface.get("stream") if interface is not None else None
    return cuda.external_stream(told) if told not in (None, 1) else 0


def handle_of(stream: Any) -> int:
    """The number by which CUDA knows a stream; 0 for the default one."""
    return int(getattr(stream.handle, "value", stream.handle) or 0) if stream else 0


def empty_like(values: Any, shape: tuple[int, ...], dtype: Any, stream: Any) -> tuple[Any, Any]:
    """An array of the library of `values` on the same device, and Numba's view of the same memory.

    It is written on `stream`, which Numba's arrays tell their readers; torch knows its own.
    """
    from numba import cuda

    if _is_tensor(values):
        import torch

        made = torch.empty(shape, dtype=getattr(torch, np.dtype(dtype).name), device=values.device)
        return made, cuda.as_cuda_array(made, sync=False)
    made = cuda.device_array(shape, dtype, stream=stream)
    return made, made


def on_host(values: Any) -> np.ndarray:
    """A copy in the memory of the host."""
    if _is_tensor(values):
        return values.detach().cpu().numpy()
    return back(as_device_rows(values, "X"), stream_of(values))


def back(array: Any, stream: Any) -> np.ndarray:
    """What the device holds, once all that the stream was told is done."""
    values = array.copy_to_host(stream=stream)
    if stream:
        stream.synchronize()
    return values


def moved(like: Any, values: np.ndarray, stream: Any) -> Any:
    """`values` on the device, as an array of the library of `like`, there when the stream comes to it."""
    made, view = empty_like(like, values.shape, values.dtype, stream)
    view.copy_to_device(np.ascontiguousarray(values), stream)
    return made


def free_bytes() -> float:
    """Of the device's memory, what Numba has yet to free included; the simulator's is infinite."""
    from numba import cuda

    context = cuda.current_context()
    waiting = getattr(getattr(context, "memory_manager", None), "deallocations", None)
    if waiting is not None:
        with _clearing:
            waiting.clear()
    return float(context.get_memory_info()[0])


def check_room(what: str, wanted: int, share: float) -> None:
    """Raises ValueError where `wanted` bytes are more than a `share` of what the device has free."""
    free = free_bytes()
    if wanted > share * free:
        raise ValueError(
            f"{what} take {wanted / 1e9:.3g} GB, more than {share:.0%} of the {free / 1e9:.3g} GB that the device has "
            "left: use device='cpu', or knn.BruteForce(device='cuda'), through which rows pass in portions"
        )


def _is_tensor(values: Any) -> bool:
    """Whether `values` is a tensor of torch, which is not imported to find out."""
    return type(values).__module__.partition(".")[0] == "torch" and hasattr(values, "is_cuda")
