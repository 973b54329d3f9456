"""The one place that knows which Airflow is installed: 2.11 or 3.x.

Everything is imported from the public interface of the version at hand. The ``common.compat`` provider offers the same,
but only in releases newer than the constraints of 2.11 allow, so it is not used.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import airflow

from fapiao.errors import ConfigurationError

AIRFLOW_3 = find_spec("airflow.sdk") is not None
AIRFLOW_3_3 = AIRFLOW_3 and tuple(int(part) for part in airflow.__version__.split(".")[:2]) >= (3, 3)
"""Has triggers with templates, and a store for the state of a task."""

if TYPE_CHECKING:
    from airflow.sdk import (
        DAG,
        Asset,
        AssetAlias,
        BaseHook,
        BaseOperator,
        BaseOperatorLink,
        BaseSensorOperator,
        Param,
        Variable,
        XComArg,
        task,
    )
    from airflow.sdk.configuration import conf
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
        AirflowSkipException,
    )
    from airflow.sdk.log import mask_secret
elif AIRFLOW_3:
    from airflow.sdk import (
        DAG,
        Asset,
        AssetAlias,
        BaseOperator,
        BaseOperatorLink,
        BaseSensorOperator,
        Param,
        Variable,
        XComArg,
        task,
    )

    try:
        from airflow.sdk import BaseHook
    except ImportError:  # 3.0; from 3.1 on, the old place warns
        from airflow.hooks.base import BaseHook
    try:
        from airflow.sdk.configuration import conf
        from airflow.sdk.exceptions import (
            AirflowException,
            AirflowFailException,
            AirflowNotFoundException,
            AirflowSensorTimeout,
            AirflowSkipException,
        )
    except ImportError:  # the first releases of 3 kept these in the core
        from airflow.configuration import conf
        from airflow.exceptions import (
            AirflowException,
            AirflowFailException,
            AirflowNotFoundException,
            AirflowSensorTimeout,
            AirflowSkipException,
        )
    try:
        from airflow.sdk.log import mask_secret
    except ImportError:  # 3.0; from 3.1 on, the old place warns
        from airflow.sdk.execution_time.secrets_masker import mask_secret
else:
    from airflow import DAG
    from airflow.configuration import conf
    from airflow.datasets import Dataset as Asset
    from airflow.datasets import DatasetAlias as AssetAlias
    from airflow.decorators import task
    from airflow.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
        AirflowSkipException,
    )
    from airflow.hooks.base import BaseHook
    from airflow.models.baseoperator import BaseOperator
    from airflow.models.baseoperatorlink import BaseOperatorLink
    from airflow.models.param import Param
    from airflow.models.variable import Variable
    from airflow.models.xcom_arg import XComArg
    from airflow.sensors.base import BaseSensorOperator
    from airflow.utils.log.secrets_masker import mask_secret

__all__ = [
    "AIRFLOW_3",
    "AIRFLOW_3_3",
    "DAG",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "Asset",
    "AssetAlias",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "Param",
    "Variable",
    "XComArg",
    "aget_connection",
    "amask_secret",
    "conf",
    "deferrable_by_default",
    "get_connection",
    "mask_secret",
    "task",
]


def deferrable_by_default() -> bool:
    """The cluster's ``[operators] default_deferrable``."""
    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


def get_connection(conn_id: str) -> Any:
    """An Airflow connection, in a worker.

    :raises ConfigurationError: there is none of that id.
    """
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise _no_connection(conn_id) from None


async def aget_connection(conn_id: str) -> Any:
    """An Airflow connection, looked up without blocking the event loop.

    :raises ConfigurationError: there is none of that id.
    """
    try:
        if hasattr(BaseHook, "aget_connection"):
            return await BaseHook.aget_connection(conn_id)
        from asgiref.sync import sync_to_async

        return await sync_to_async(BaseHook.get_connection)(conn_id)
    except AirflowNotFoundException:
        raise _no_connection(conn_id) from None


def _no_connection(conn_id: str) -> ConfigurationError:
    return ConfigurationError(
        f"Airflow has no connection {conn_id!r}.", advice="Create it, or correct the argument conn_id."
    )


async def amask_secret(secret: str) -> None:
    """Mask a value in the log of a triggerer: the synchronous form would have to wait for the supervisor in the loop."""
    try:
        from airflow.sdk.log import amask_secret as mask
    except ImportError:  # before 3.3 there is only the synchronous form, which masks in this process
        mask_secret(secret)
    else:
        await mask(secret)
