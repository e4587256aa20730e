"""``wsgi.file_wrapper`` (PEP 3333, "Optional Platform-Specific File Handling")."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from typing import Any

__all__ = ["FileWrapper"]


class FileWrapper:
    """Iterate over a file's blocks; as the application's own result it is sent by sendfile(2).

    :param filelike: an object with ``read(size)``, and ``close()`` if it has to be closed.
    :param blocksize: octets to read at a time when sendfile can't be used.
    """

    def __init__(self, filelike: Any, blocksize: int = 65536) -> None:
        self.filelike = filelike
        self.blocksize = blocksize

    def __iter__(self) -> Iterator[bytes]:
        while block := self.filelike.read(self.blocksize):
            yield block

    def extent(self) -> tuple[int, int, int] | None:
        """Return descriptor, offset and size of what is left of a regular file, else None."""
        file = self.filelike
        if not isinstance(getattr(file, "raw", file), io.FileIO):
            return None  # a GzipFile has a descriptor too, but reads as something else
        try:
            descriptor = file.fileno()
            information = os.fstat(descriptor)
            offset = file.tell()
        except OSError:  # io.UnsupportedOperation is one
            return None
        if not stat.S_ISREG(information.st_mode) or not information.st_size:
            return None  # what is in /proc has no size before it is read
        return descriptor, offset, max(0, information.st_size - offset)

    def close(self) -> None:
        close = getattr(self.filelike, "close", None)
        if close is not None:
            close()
