from __future__ import annotations

import hashlib
import sys
from types import ModuleType

from unstuck.record.invocation import digest, invocation, trace, with_sources


def test_what_is_kept_of_a_script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", "secret")
    (tmp_path / "train.py").write_text("print(1)")
    started = invocation("train.py", ["--lr", "1"], module=False)
    assert (started.target, started.args, started.folder) == ("train.py", ("--lr", "1"), str(tmp_path))
    assert "TOKEN" in started.variables
    assert "secret" not in repr(started)
    assert dict(zip(started.variables, started.traces, strict=True))["TOKEN"] == trace("TOKEN")
    assert started.sources == (str(tmp_path / "train.py"),)
    assert started.digests == (hashlib.sha256(b"print(1)").hexdigest(),)


def test_modules_beside_the_script_are_kept_at_its_end(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("import net")
    (tmp_path / "net.py").write_text("x = 1")
    started = invocation("train.py", [], module=False)
    own, foreign = ModuleType("net"), ModuleType("foreign")
    own.__file__, foreign.__file__ = str(tmp_path / "net.py"), "/usr/lib/site-packages/foreign.py"
    monkeypatch.setitem(sys.modules, "net", own)
    monkeypatch.setitem(sys.modules, "foreign", foreign)
    (tmp_path / "train.py").write_text("import net  # edited meanwhile")
    ended = with_sources(started)
    assert set(ended.sources) == {str(tmp_path / "train.py"), str(tmp_path / "net.py")}
    assert ended.digests[0] == started.digests[0]


def test_a_trace_tells_that_a_value_changed_and_is_too_short_to_tell_which_it_was(monkeypatch):
    monkeypatch.setenv("LR", "0.1")
    was = trace("LR")
    assert len(was) == 4
    monkeypatch.setenv("LR", "0.2")
    assert trace("LR") != was
    monkeypatch.delenv("LR")
    assert trace("LR") == ""


def test_what_cannot_be_read_has_no_digest(tmp_path):
    assert digest(tmp_path) == ""
    assert digest(tmp_path / "nowhere") == ""
