"""The error of DICOM that cannot be used, and how what a parser stumbles over becomes one."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from client.volume_files import ImageError
from common.errors import DataError

logging.getLogger("pydicom").setLevel(logging.CRITICAL)  # its warnings quote values, a patient's name among them


class DicomError(DataError):
    """DICOM that cannot be used; `path` (None when it is about several files) and `reason` apart, together the text."""

    def __init__(self, path: Path | None, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[type[DicomError], tuple[Path | None, str]]:
        return DicomError, (self.path, self.reason)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a parser raises over the content of a file into DicomError; its warnings are not shown.

    The parser's own text is left out because it may quote a patient's name.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except DicomError:
        raise
    except MemoryError as error:
        raise DicomError(path, "asks for more memory than there is; run with fewer jobs, or export it again") from error
    except ImageError as error:
        raise DicomError(error.path, error.reason) from error
    except OSError as error:
        reason = f"cannot be read ({error.strerror or 'unexpected end'}); check its permissions and the disk"
        raise DicomError(path, reason) from error
    except Exception as error:  # a damaged file makes pydicom and its decoders raise nearly anything
        reason = f"is damaged or against the DICOM standard ({type(error).__name__}); copy or export it again"
        raise DicomError(path, reason) from error
