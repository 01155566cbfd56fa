"""Where a study is kept: a journal file, a database, or a server of Optuna's that stands before one."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from unstuck.errors import ArgumentError, StudyError, UnstuckError
from unstuck.optional import require
from unstuck.sweep.journal import Journal

__all__ = ["JOURNAL", "fenced", "open_storage", "optuna", "quiet"]

JOURNAL = "study.journal"
"""Name of the journal inside a sweep's folder."""

DATABASES = ("sqlite", "postgresql", "mysql")

ACCEPTED = (
    "a journal file, such as sweep.journal; a database, such as postgresql+psycopg://user@host/name; or a server of "
    "Optuna's, grpc://host:port"
)


def optuna(module: str = "") -> Any:
    """Optuna, which keeps the study, or a module of it.

    Raises:
        MissingPackageError: It is not installed.
    """
    return require(f"optuna.{module}" if module else "optuna", extra="search", purpose="unstuck sweep")


def open_storage(address: str | Path) -> Any:
    """Open, or make, the storage of an address.

    Raises:
        ArgumentError: It is no address of a storage.
        StudyError: It cannot be reached.
        MissingPackageError: Optuna, or the driver of the database, is not installed.
    """
    optuna().logging.set_verbosity(logging.ERROR)
    scheme = urlsplit(str(address)).scheme if "://" in str(address) else ""
    with quiet(), fenced(str(address)):
        if not scheme:
            return optuna("storages").JournalStorage(Journal(Path(address)))
        if scheme == "grpc":
            return _proxy(str(address))
        if scheme.partition("+")[0] in DATABASES:
            return _database(str(address))
    raise ArgumentError(f"--storage {address}: {ACCEPTED} is accepted")


@contextmanager
def fenced(address: str) -> Generator[None]:
    """Say of whatever keeps a storage from being read or written that it is so, in one sentence.

    Raises:
        StudyError: In place of an error of the file system, the database or the connection.
    """
    try:
        yield
    except UnstuckError:
        raise
    except Exception as error:
        if not _of_storage(error):
            raise
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise StudyError(f"{_without_password(address)}: the study cannot be read or written ({reason})") from error


def _of_storage(error: Exception) -> bool:
    """Whether an error comes from what keeps the study and not from us."""
    if isinstance(error, OSError):
        return True
    modules = {base.__module__.partition(".")[0] for base in type(error).__mro__}
    storage = optuna("exceptions").StorageInternalError
    return isinstance(error, storage) or bool(modules & {"sqlalchemy", "grpc", "psycopg", "psycopg2", "sqlite3"})


def _database(address: str) -> Any:
    try:
        # Storages of one process are its own; each keeps few connections, and tries whether they still stand.
        return optuna("storages").RDBStorage(address, engine_kwargs={"pool_pre_ping": True})
    except (ImportError, require("sqlalchemy.exc", extra="search", purpose="a database").NoSuchModuleError) as error:
        raise StudyError(
            f"{_without_password(address)}: the driver of the database is not installed ({error}); for PostgreSQL: pip "
            "install 'unstuck[search-many]', and an address that begins with postgresql+psycopg://"
        ) from error


def _proxy(address: str) -> Any:
    place = urlsplit(address)
    if not place.hostname or not place.port:
        raise ArgumentError(f"--storage {address}: grpc://host:port is accepted")
    require("grpc", extra="search-many", purpose="a study behind grpc://")
    proxy = optuna("storages").GrpcStorageProxy(host=place.hostname, port=place.port)
    proxy.get_all_studies()  # else nobody notices that there is no server until the first try is over
    return proxy


def _without_password(address: str) -> str:
    place = urlsplit(address)
    return address.replace(f":{place.password}@", ":***@") if "://" in address and place.password else address


@contextmanager
def quiet() -> Generator[None]:
    """Optuna calls parts of it experimental each time they are used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
