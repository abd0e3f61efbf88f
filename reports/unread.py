"""A file that the system does not give: said as that, whatever is in the file."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

#: None of the system's (a library's own), and what reading gives where a malformed file points to no place in itself.
_OF_CONTENT = (None, errno.EINVAL, errno.EFAULT, errno.EFBIG, errno.EOVERFLOW)
_REMEDIES = {
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP), "see that the path is right"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "make it, and the folders that it is in, readable for you (chmod)"),
    **dict.fromkeys(
        (errno.EMFILE, errno.ENFILE), "too many files are open: close some, or raise the limit (ulimit -n)"
    ),
    errno.EISDIR: "it is a folder: give a file in it",
    errno.EAGAIN: "another program writes to it: let that end first",
    errno.ENOMEM: "it takes more memory than is free: give fewer rows",
}
_ELSE = "its disk or its network did not give it: copy it to another place, and give the copy"


def of_the_system(error: OSError) -> bool:
    """Whether the system refused, and not a library what it read."""
    return error.errno not in _OF_CONTENT


def why(error: OSError) -> str:
    """What the system said, and the remedy."""
    assert error.errno is not None
    return f"{os.strerror(error.errno)}: {_REMEDIES.get(error.errno, _ELSE)}"


@contextmanager
def readable(what: str) -> Iterator[None]:
    """An OSError of the system becomes one of its class that says that `what` cannot be read, why, and the remedy."""
    try:
        yield
    except OSError as error:
        if not of_the_system(error):
            raise
        # By its number: a library's own class may take other arguments.
        raise type(OSError(error.errno, ""))(f"{what} cannot be read ({why(error)})") from error
