"""Services that a script reports its training to: a trial tells them nothing, by their own documented variables."""

from __future__ import annotations

__all__ = ["QUIET"]

QUIET = {
    "WANDB_MODE": "disabled",
    "COMET_MODE": "disabled",
    "NEPTUNE_MODE": "debug",
    "SWANLAB_MODE": "disabled",
    "CLEARML_OFFLINE_MODE": "1",
    "MLFLOW_TRACKING_URI": "sqlite:////tmp/unstuck-trial-mlflow.db",
    "TRACKIO_DIR": "/tmp/unstuck-trial-trackio",
    "TRACKIO_SPACE_ID": "",
}
"""Variables and their values. What has no mode without a service (MLflow, trackio) writes to a file, which is gone with
the trial; TensorBoard writes files only. A script that names its server in its code is not kept from it."""
