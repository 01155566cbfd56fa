from __future__ import annotations

import os
import sys
from types import MethodType, ModuleType

from unstuck.sandbox.replaced import replace


def test_a_function_is_replaced_wherever_a_module_holds_it(monkeypatch):
    def old():
        return "old"

    def use(function=old):
        return function()

    class Holder:
        ask = staticmethod(old)
        by_default = staticmethod(use)

        def method(self, function=old):
            return function()

    plain, library = ModuleType("some_module"), ModuleType("glob.of_a_test")
    plain.renamed, library.Holder = old, Holder  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "some_module", plain)
    monkeypatch.setitem(sys.modules, "glob.of_a_test", library)
    replace([(old, MethodType(lambda _: "new", plain))])
    assert plain.renamed() == "new"
    assert Holder.ask() == Holder().method() == "new"
    assert old not in os.supports_follow_symlinks
