"""The hook of a vendor connection, and one class per installed vendor, made when Airflow asks for it by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from fapiao.airflow.compat import BaseHook, get_connection
from fapiao.airflow.connections import connection_of, source_name_of
from fapiao.airflow.masking import mask_in_airflow
from fapiao.airflow.names import hook_class_name, source_of_hook_class
from fapiao.errors import FapiaoError, SourceUnavailable

if TYPE_CHECKING:
    from fapiao.engine import BlockingDriver
    from fapiao.registry import Source
    from fapiao.wire import Account

__all__ = ["InvoiceSourceHook"]


class InvoiceSourceHook(BaseHook):
    """A vendor account behind an Airflow connection; the connection's type says which vendor plugin.

    :param conn_id: id of a connection whose type is the name of an installed source, such as ``ekuaibao``.
    """

    conn_name_attr = "conn_id"
    default_conn_name = "fapiao_default"
    conn_type = ""
    """Empty here; the classes made per vendor carry the name of theirs."""
    hook_name = "Fapiao"

    def __init__(self, conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self._found: tuple[Source, Account] | None = None

    @property
    def source(self) -> Source:
        """The vendor plugin. :raises SourceUnavailable: it is not installed, or broken."""
        return self._find()[0]

    @property
    def account(self) -> Account:
        """The vendor account. :raises ConfigurationError: lists everything that the connection lacks."""
        return self._find()[1]

    @override
    def get_conn(self) -> BlockingDriver:
        """A blocking driver with quota and token of its own: for single calls, not beside a running collection.

        The caller closes it (it is a context manager).
        """
        from fapiao.engine import BlockingDriver

        return BlockingDriver(self.source, self.account)

    def test_connection(self) -> tuple[bool, str]:
        """The "Test connection" button: logs in at the vendor. The message carries no secret."""
        from fapiao.check import check_credentials

        try:
            return True, check_credentials(self.source, self.account)
        except FapiaoError as error:
            return False, str(error)

    def _find(self) -> tuple[Source, Account]:
        if self._found is None:
            from fapiao.registry import registry

            mask_in_airflow()
            record = get_connection(self.conn_id)
            source = registry.get(self.conn_type or source_name_of(record))
            self._found = source, source.account(connection_of(record))
        return self._found


def __getattr__(name: str) -> type[InvoiceSourceHook]:
    """``EkuaibaoHook`` and its like, for each installed source.

    :raises AttributeError: no such source, or a broken one (Airflow then goes on without it).
    """
    source_name = source_of_hook_class(name)
    if source_name is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fapiao.registry import registry

    if source_name not in registry.names():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}: there is no source {source_name!r}")
    made = _hook_class(source_name)
    globals()[name] = made
    return made


def _hook_class(source_name: str) -> type[InvoiceSourceHook]:
    """A class with the attributes that Airflow reads from a hook class; 2.11 looks in the class's own dictionary."""
    from fapiao.airflow.describing import descriptor_of
    from fapiao.airflow.forms import field_behaviour, widgets

    try:
        descriptor = descriptor_of(source_name)
    except SourceUnavailable as problem:
        raise AttributeError(str(problem)) from problem
    return type(
        hook_class_name(source_name),
        (InvoiceSourceHook,),
        {
            "__module__": __name__,
            "__doc__": f"{descriptor.title}: see :class:`InvoiceSourceHook`.",
            "conn_type": source_name,
            "hook_name": descriptor.title,
            "default_conn_name": f"{source_name}_default",
            "get_connection_form_widgets": classmethod(lambda _: widgets(descriptor)),
            "get_ui_field_behaviour": classmethod(lambda _: field_behaviour(descriptor, kebab_case=False)),
        },
    )
