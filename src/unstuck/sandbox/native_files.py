"""Libraries that open files in C code of their own, past the functions of Python, and where each takes a path.

A library that is imported later is changed when it has been imported.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import MethodType, ModuleType, new_class
from typing import Any, cast
from urllib.parse import quote, unquote

from unstuck.sandbox.guard import Guard, refusal
from unstuck.sandbox.overlay import Overlay
from unstuck.sandbox.replaced import replace

__all__ = ["redirect_libraries"]


@dataclass(frozen=True)
class _Opener:
    """A function, or a class that is made from a path.

    Attributes:
        name: What it is called in its module, with the class that holds it.
        at: The place of the path among the arguments.
        argument: Its name.
        use: What is done with the file: ``"read"``, ``"write"``, ``"change"``; ``"mode"`` where an argument says it;
            ``"refuse"`` where it cannot be led elsewhere.
        library: What a refusal calls it.
    """

    name: str
    argument: str
    use: str
    at: int = 0
    library: str = ""


_TORCH = (
    _Opener("_C.PyTorchFileReader", "name", "read"),
    _Opener("_C.PyTorchFileWriter", "name", "write"),
    _Opener("UntypedStorage.from_file", "filename", "change"),
    _Opener("from_file", "filename", "change"),
    _Opener("jit.load", "f", "read"),
    _Opener("jit._script.RecursiveScriptModule.save", "f", "write", 1),
    _Opener("autograd.profiler.profile.export_chrome_trace", "path", "write", 1),
    _Opener("profiler.profile.export_chrome_trace", "path", "write", 1),
)

LIBRARIES: Mapping[str, Sequence[_Opener]] = {
    "torch": _TORCH,
    "safetensors": (_Opener("serialize_file", "filename", "write", 1), _Opener("safe_open", "filename", "read")),
    "torchvision.io.image": (_Opener("read_file", "path", "read"), _Opener("write_file", "filename", "write")),
    "h5py": (_Opener("File.__init__", "name", "mode", 1),),
    "pyarrow": (
        _Opener("OSFile", "path", "mode"),
        _Opener("memory_map", "path", "mode"),
        _Opener("create_memory_map", "path", "write"),
    ),
    "pyarrow.parquet.core": (
        _Opener("ParquetWriter", "where", "write"),
        _Opener("ParquetFile", "source", "read"),
        _Opener("read_table", "source", "read"),
    ),
    "cv2": (
        _Opener("imread", "filename", "read"),
        _Opener("imwrite", "filename", "write"),
        _Opener("VideoCapture", "filename", "read"),
        _Opener("VideoWriter", "filename", "refuse", library="cv2.VideoWriter"),
    ),
    "lmdb": (
        _Opener("open", "path", "refuse", library="lmdb"),
        _Opener("Environment", "path", "refuse", library="lmdb"),
    ),
    "_gdbm": (_Opener("open", "filename", "refuse", library="dbm"),),
    "_dbm": (_Opener("open", "filename", "refuse", library="dbm"),),
}


def redirect_libraries(overlay: Overlay, guard: Guard) -> None:
    """Lead the paths that libraries are given into an overlay."""
    redirect = _Libraries(overlay, guard)
    redirect.databases()
    for library in LIBRARIES:
        if library in sys.modules:
            redirect.library(sys.modules[library])
    sys.meta_path.insert(0, _WhenImported(redirect.library))


class _Libraries:
    def __init__(self, overlay: Overlay, guard: Guard) -> None:
        self._overlay = overlay
        self._guard = guard

    def library(self, module: ModuleType) -> None:
        """Change those functions of a library that open files."""
        for opener in LIBRARIES[module.__name__]:
            *path, name = opener.name.split(".")
            holder: Any = module
            for step in path:
                holder = getattr(holder, step, None)
            original = getattr(holder, name, None)
            if original is not None:
                self._replace(holder, name, original, opener)

    def _replace(self, holder: Any, name: str, original: Any, opener: _Opener) -> None:
        lead = self._leader(opener)
        if isinstance(original, type):
            replace([(original, _made_from(original, lead))])
        elif isinstance(holder, type) and opener.at:
            setattr(holder, name, lambda *args, **options: original(*lead(args, options), **options))
        elif isinstance(holder, type):
            setattr(holder, name, staticmethod(_led(original, lead)))
        else:
            replace([(original, _led(original, lead))])

    def _leader(self, opener: _Opener) -> Callable[[tuple[Any, ...], dict[str, Any]], tuple[Any, ...]]:
        """A function that changes the path among arguments."""

        def lead(args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
            if opener.argument in options:
                options[opener.argument] = self._led(options[opener.argument], opener, args, options)
            elif len(args) > opener.at:
                led = self._led(args[opener.at], opener, args, options)
                return (*args[: opener.at], led, *args[opener.at + 1 :])
            return args

        return lead

    def _led(self, path: Any, opener: _Opener, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if not isinstance(path, str | bytes) and not hasattr(path, "__fspath__"):
            return path
        use = opener.use
        if use == "mode":
            mode = options.get("mode", args[opener.at + 1] if len(args) > opener.at + 1 else "r")
            use = {"r": "read", "w": "write"}.get((mode or "r").replace("b", ""), "change")
        name = self._overlay.name(path)
        if use == "refuse" and not self._overlay.is_real(name):
            raise refusal(
                f"a trial may not use {opener.library}: it opens files in ways that cannot be redirected", path
            )
        if use == "read":
            return self._overlay.place(name)
        return self._overlay.to_write(name, keep=use == "change")

    def databases(self) -> None:
        """Lead databases of SQLite into the overlay, with the files of a transaction beside them."""
        sqlite3 = importlib.import_module("sqlite3")
        original, guard = sqlite3.connect, self._guard

        def connect(_: object, database: Any, *args: Any, **options: Any) -> Any:
            led = self._database(database, uri=bool(options.get("uri", args[6] if len(args) > 6 else False)))
            with guard.redirected():
                return original(led, *args, **options)

        replace([(original, MethodType(connect, self))])

    def _database(self, database: Any, *, uri: bool) -> Any:
        if database in (":memory:", "", b":memory:", b""):
            return database
        if not (uri and str(database).startswith("file:")):
            return self._with_journal(self._overlay.name(database))
        path, question, query = str(database)[len("file:") :].partition("?")
        path = "/" + path.lstrip("/") if path.startswith("//") else path
        if not path or path == ":memory:" or "mode=memory" in query:
            return database
        return f"file:{quote(self._with_journal(self._overlay.name(unquote(path))))}{question}{query}"

    def _with_journal(self, name: str) -> str:
        for ending in ("-wal", "-journal"):
            if self._overlay.sees(name + ending):
                self._overlay.to_write(name + ending)
        return self._overlay.to_write(name)


def _led(original: Callable[..., Any], lead: Callable[[tuple[Any, ...], dict[str, Any]], tuple[Any, ...]]) -> Any:
    """The function with the path that it is given led elsewhere."""
    return MethodType(lambda _, *args, **options: original(*lead(args, options), **options), original)


def _made_from(original: type, lead: Callable[[tuple[Any, ...], dict[str, Any]], tuple[Any, ...]]) -> Any:
    """The class with the path that it is made from led elsewhere."""

    def new(cls: type, *args: Any, **options: Any) -> Any:
        return original.__new__(cls, *lead(args, options), **options)

    def init(self: Any, *args: Any, **options: Any) -> None:
        cast("Any", original).__init__(self, *lead(args, options), **options)

    own = {"__new__": new, "__init__": init, "__module__": original.__module__, "__qualname__": original.__qualname__}
    names = {name: own[name] for name in own if getattr(original, name) is not getattr(object, name, None)}
    try:
        return new_class(original.__name__, (original,), exec_body=lambda space: space.update(names))
    except TypeError:  # a class that cannot be derived from
        return _led(original, lead)


class _WhenImported(MetaPathFinder):
    """Tells of libraries when they have been imported."""

    def __init__(self, then: Callable[[ModuleType], None]) -> None:
        self._then = then
        self._looking: set[str] = set()

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname not in LIBRARIES or fullname in self._looking:
            return None
        self._looking.add(fullname)
        try:
            spec = find_spec(fullname)
        finally:
            self._looking.discard(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Then(spec.loader, self._then)
        return spec


class _Then(Loader):
    """A loader after which something is done with the module."""

    def __init__(self, loader: Loader, then: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._then = then

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._then(module)
