from __future__ import annotations

import re

import pytest

from unstuck.sandbox.trackers import ELSEWHERE, QUIET, quiet

ONLINE = {
    "HOME": "/home/me",
    "WANDB_MODE": "online",
    "NEPTUNE_MODE": "async",
    "NEPTUNE_CUSTOM_RUN_ID": "mine",
    "MLFLOW_TRACKING_URI": "https://company.example",
    "MLFLOW_RUN_ID": "7",
    "TRACKIO_SPACE_ID": "me/space",
    "TRACKIO_SERVER_URL": "https://company.example",
    "DVC_STUDIO_OFFLINE": "false",
}


def test_what_leads_to_a_server_is_left_out_and_the_rest_is_kept():
    made = quiet(ONLINE)
    assert made["HOME"] == "/home/me"
    assert not set(made) & set(ELSEWHERE)
    assert "company.example" not in " ".join(made.values())
    assert {name: made[name] for name in QUIET} == QUIET


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("WANDB_MODE", {"online", "offline", "disabled"}),
        ("COMET_START_ONLINE", {"0", "1"}),
        ("NEPTUNE_MODE", {"async", "sync", "offline", "debug", "read-only"} & {"async", "disabled", "offline"}),
        ("SWANLAB_MODE", {"cloud", "local", "offline", "disabled"}),
        ("CLEARML_OFFLINE_MODE", {"0", "1"}),
        ("DVC_STUDIO_OFFLINE", {"true", "false"}),
    ],
)
def test_values_are_those_that_the_tracker_documents(name, accepted):
    assert quiet({})[name] in accepted


def test_files_of_trackers_lie_where_a_trial_may_write():
    folders = [re.sub(r"^sqlite:///", "", QUIET[name]) for name in ("MLFLOW_TRACKING_URI", "TRACKIO_DIR")]
    assert all(folder.startswith("/tmp/unstuck-trial-") for folder in folders)
