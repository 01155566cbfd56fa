"""Services that a script reports its training to: a trial tells them nothing, by their own documented variables."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ELSEWHERE", "QUIET", "quiet"]

QUIET = {
    "WANDB_MODE": "disabled",
    "COMET_AUTO_LOG_DISABLE": "true",  # comet_ml itself
    "COMET_START_ONLINE": "0",  # comet_ml.start
    "COMET_MODE": "disabled",  # Transformers and Ultralytics, which ask before they import comet_ml
    "NEPTUNE_MODE": "offline",  # what neptune and neptune-scale have in common
    "SWANLAB_MODE": "disabled",
    "CLEARML_OFFLINE_MODE": "1",
    "DVC_STUDIO_OFFLINE": "true",  # DVCLive
    "DVC_EXP_AUTO_PUSH": "false",
    "DVC_NO_ANALYTICS": "true",
    "MLFLOW_TRACKING_URI": "sqlite:////tmp/unstuck-trial-mlflow.db",
    "TRACKIO_DIR": "/tmp/unstuck-trial-trackio",
}
"""Variables and their values. What has no mode without a service (MLflow, trackio) writes to a file, which is gone with
the trial; TensorBoard and Aim write files only, and so does DVCLive then. A script that names its server in its code is
not kept from it."""

ELSEWHERE = (
    "MLFLOW_REGISTRY_URI",
    "MLFLOW_RUN_ID",
    "MLFLOW_EXPERIMENT_ID",
    "NEPTUNE_CUSTOM_RUN_ID",
    "TRACKIO_SPACE_ID",
    "TRACKIO_SERVER_URL",
    "TRACKIO_DATASET_ID",
    "TRACKIO_BUCKET_ID",
)
"""Variables that lead to a server, or to a run that only a server knows; a trial does not get them."""


def quiet(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which trackers report to nobody.

    Args:
        environment: The variables of a program.

    Examples:
        >>> quiet({"HOME": "/home/me", "TRACKIO_SPACE_ID": "me/space"}).get("TRACKIO_SPACE_ID", "none")
        'none'
    """
    return {name: value for name, value in environment.items() if name not in ELSEWHERE} | QUIET
