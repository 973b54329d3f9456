"""Takes out of a vendor's answers what the personal data policy does not keep, before anything else sees them.

A flow gets the answers as they are after that. So the invoices that are loaded are made of exactly what is stored as raw, and
interpreting the raw again gives them again; where raw is encrypted it is stored whole, and goes through here when it is read.

What has to be taken out is told by the source's plugin, field by field (``Descriptor.personal``). Most answers hold none of it:
they are only searched for the names of the fields, and stay byte for byte what they were.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import GeneratorType
from typing import Any, TypeVar

import msgspec

from fapiao.answers import decode
from fapiao.engine.encoded import BYTE_ORDER_MARK, ENCODER, opened, unpacked
from fapiao.engine.exchange import Exchange
from fapiao.engine.transcript import NOTHING, Told, pack
from fapiao.invoices.personal_data import PARTIES, RAW_KINDS
from fapiao.invoices.texts import is_blank, plain_text
from fapiao.invoices.withholding import Withholding, is_natural
from fapiao.spec import Descriptor
from fapiao.wire import Flow, Response

__all__ = ["Answers", "Discretion", "KeptRaw", "RawRules", "kept_raw"]

T = TypeVar("T")
log = logging.getLogger("fapiao.engine")

_NOT_STORED = (
    "are not stored: their personal data cannot be told, because the plugin does not declare it or an answer is no JSON. Encrypt "
    "raw (FAPIAO_RAW_KEY) to store it whole, or let the policy keep everything (fapiao personal-data --set)."
)

_NUMBERS = {party.tax_no: party.name for parties in PARTIES.values() for party in parties}
_NAMES = frozenset(_NUMBERS.values())
_NEGATIVE = re.compile(r"\s*-\s*\d")
_IMPERSONAL = re.compile(rb'\s*:\s*(?:""|null|"(?!\d{6}(?:18|19|20)\d\d)[0-9A-Z]{15,20}")')
"""No number, or one without a year of birth where a citizen's has it."""
_SHORTEST_END = 4
"""Bytes; a shorter one is found in the names of too many other fields."""


class RawRules(msgspec.Struct, frozen=True):
    """What the fields of a source's answers are. See ``Descriptor``."""

    personal: Mapping[str, str]
    """Raw field, or ``parent.field``, → a kind of ``personal_data.RAW_KINDS``."""
    known: frozenset[str] | None = None
    """Every field that the plugin knows; None: it does not say, so what is unknown cannot be told."""
    encoded: frozenset[str] = frozenset()
    """Fields whose text holds JSON in Base64, compressed or not."""
    source: str = ""

    @classmethod
    def of(cls, descriptor: Descriptor) -> RawRules | None:
        """None: the plugin does not tell its personal data."""
        if descriptor.personal is None:
            return None
        return cls(descriptor.personal, descriptor.known_fields, frozenset(descriptor.encoded_fields), descriptor.name)


class Answers:
    """The policy for one source's answers. Threads may share one."""

    def __init__(self, rules: RawRules | None, withholding: Withholding) -> None:
        self.withholding = withholding
        self._has_warned = False
        self.rules = rules or RawRules({})
        self.is_idle = withholding.is_idle or rules is None
        """Answers come back as they are."""
        self.can_tell = withholding.is_idle or (
            rules is not None and (rules.known is not None or not withholding.changes("unknown"))
        )
        """Whether answers hold nothing any more that the policy does not keep."""
        changed = {name for name in RAW_KINDS if withholding.changes(RAW_KINDS[name])}
        if withholding.changes("identity") or withholding.changes("name"):
            changed |= _NUMBERS.keys()
        if withholding.changes("name"):
            changed |= _NAMES | {"buyer_id_no"}  # which tells that a buyer is a natural person
        kinds = {field: kind for field, kind in self.rules.personal.items() if kind in changed}
        self.kinds = _by_parent(kinds)
        self._names = [_quoted(field) for field, kind in kinds.items() if kind not in _NUMBERS]
        self._numbers = [_quoted(field) for field, kind in kinds.items() if kind in _NUMBERS]
        self.known = frozenset(self.rules.known or ()) | {
            part for field in self.rules.personal for part in field.split(".")
        }
        self._encoded = [_quoted(field) for field in self.rules.encoded]
        self.searches_unknown = withholding.changes("unknown") and self.rules.known is not None

        self._plain = [
            (name, re.compile(re.escape(name) + rb'(\s*:\s*)(null|"(?:[^"\\]|\\.)*")'), kind)
            for name, kind in ((_quoted(field), kind) for field, kind in kinds.items() if kind not in _NUMBERS)
            if not (
                withholding.changes("name")
                or withholding.changes("remark")
                or self.searches_unknown
                or len(self.kinds) > 1
            )
        ]
        """Where no field depends on what stands beside it: each text is replaced where it is."""
        self._in_all_plain = _shared([name for name, _, _ in self._plain])
        self._ends = _ends(self._numbers)

    def warn(self) -> None:
        """Tell, once, that answers are not stored."""
        if not self._has_warned:
            self._has_warned = True
            log.warning("Raw answers%s %s", f" of {self.rules.source}" if self.rules.source else "", _NOT_STORED)

    def discretion(self, own: str = "") -> Discretion:
        """For one flow.

        :param own: the taxpayer in whose name the vendor is asked.
        """
        return Discretion(self, own)

    def body(self, body: bytes, own: str) -> tuple[bytes, bool]:
        """(the answer without what the policy does not keep, whether all of it could be read).

        What is no JSON comes back as it is: a flow that reads it otherwise gets it whole, but it must not be stored.
        """
        if self.is_idle or not body or body.isspace():
            return body, True
        if self._plain:
            body, left = self._replaced(body)
            if not left:
                return body, True
        elif not self._is_suspicious(body):
            return body, True
        try:
            value: Any = decode(body.removeprefix(BYTE_ORDER_MARK))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return body, False
        walk = _Walk(self, own)
        try:
            walked = walk.value(value)
        except RecursionError:
            return body, False
        if not walk.changed:
            return body, walk.is_whole
        return ENCODER.encode(walked), walk.is_whole

    def record(self, value: Any, own: str) -> Any:
        """One decoded record without what the policy does not keep; the value itself is changed."""
        return value if self.is_idle else _Walk(self, own).value(value)

    def document(self, value: Any, own: str = "") -> tuple[Any, bool]:
        """(one document as JSON values without what the policy does not keep, whether anything was taken out).

        The value itself is changed. Its remark may be a red-letter invoice's, wherever the amounts stand.
        """
        if self.is_idle:
            return value, False
        walk = _Walk(self, own, may_be_red=True)
        return walk.value(value), walk.changed

    def _replaced(self, body: bytes) -> tuple[bytes, bool]:
        """(the answer with every text of such a field replaced, whether more has to be taken out of it)."""
        for name, pattern, kind in self._plain if self._in_all_plain in body else ():
            count = body.count(name)
            if not count:
                continue
            try:
                body, replaced = pattern.subn(lambda found, name=name, kind=kind: name + self._text(found, kind), body)  # type: ignore[misc]  # bound now
            except (msgspec.DecodeError, UnicodeDecodeError):
                return body, True
            if replaced != count:
                return body, True  # a number, a list, an object
        return body, self._holds_more(body)

    def _text(self, found: re.Match[bytes], kind: str) -> bytes:
        text = found[2]
        if len(text) > 2 and text != b"null":
            value: Any = decode(text)
            if kind == "seller_account":
                value = plain_text(value)  # one number, however it is grouped
            text = ENCODER.encode(self.withholding.value(RAW_KINDS[kind], value))
        return found[1] + text

    def _is_suspicious(self, body: bytes) -> bool:
        """Whether it may hold something that has to be taken out."""
        if self.searches_unknown or any(name in body for name in self._names):
            return True
        return self._holds_more(body)

    def _holds_more(self, body: bytes) -> bool:
        """Whether a party may be a natural person, or something is encoded."""
        if any(_names_a_person(body, end) for end in self._ends):
            return True
        return any(name in body for name in self._encoded)

    def needs_look(self, data: bytes) -> bool:
        """Whether what is inside of an encoded field has to be decoded."""
        return self._is_suspicious(data)


class Discretion:
    """The policy for the answers of one flow, which remembers what it has made of them."""

    def __init__(self, answers: Answers, own: str) -> None:
        self._answers = answers
        self._own = own
        self.warn = answers.warn
        self._made: dict[int, tuple[bytes, Response]] = {}
        self.is_whole = answers.can_tell
        """Whether everything that the policy does not keep was found in all answers so far."""

    def flow(self, flow: Flow[T]) -> Flow[T]:
        """The same flow, which sees answers as the policy leaves them."""
        if self._answers.is_idle or not isinstance(flow, GeneratorType):
            return flow  # what is no flow is the driver's business
        forwarded: Any = _forwarded(flow, self.response)
        forwarded.__name__ = flow.__name__
        return forwarded  # type: ignore[no-any-return]  # a generator of the same requests and result

    def response(self, response: Response) -> Response:
        """One answer as the policy leaves it."""
        known = self._made.get(id(response.body))
        if known is not None and known[0] is response.body:
            return known[1]
        body, whole = self._answers.body(response.body, self._own)
        self.is_whole = self.is_whole and whole
        made = response if body is response.body else msgspec.structs.replace(response, body=body)
        self._made[id(response.body)] = (response.body, made)
        return made

    def transcript(self, exchanges: Sequence[Exchange]) -> tuple[Exchange, ...]:
        """Answers as they may be stored in plain."""
        return tuple([msgspec.structs.replace(one, response=self.response(one.response)) for one in exchanges])


class KeptRaw(msgspec.Struct, frozen=True):
    """What may be stored of a flow's answers."""

    data: bytes
    """As ``transcript.pack`` made it; empty where nothing may be."""
    sha256: str
    is_whole: bool
    """False: nothing of the answers may be stored in plain, neither these nor records out of them."""


def kept_raw(transcript: Sequence[Exchange], discretion: Discretion, told: Told = NOTHING, *, sealed: bool) -> KeptRaw:
    """Answers for the store.

    :param sealed: they are going to be encrypted: then they are kept whole.
    """
    if sealed:
        return KeptRaw(*pack(transcript, told), True)
    data, sha256 = pack(discretion.transcript(transcript), told)
    if not discretion.is_whole:
        discretion.warn()
    return KeptRaw(data if discretion.is_whole else b"", sha256, discretion.is_whole)


def _forwarded(flow: Flow[T], change: Callable[[Response], Response]) -> Flow[T]:
    try:
        request = next(flow)
        while True:
            try:
                response = yield request
            except GeneratorExit:
                flow.close()
                raise
            except BaseException as error:  # noqa: BLE001 - whatever the driver throws is the flow's to see
                request = flow.throw(error)
            else:
                request = flow.send(change(response))
    except StopIteration as end:
        value: T = end.value
        return value


class _Walk:
    """One answer, object by object."""

    def __init__(self, answers: Answers, own: str, *, may_be_red: bool = False) -> None:
        self._answers = answers
        self._may_be_red = may_be_red
        self._kinds = answers.kinds
        self.withholding = answers.withholding
        self.rules = answers.rules
        self.searches_unknown = answers.searches_unknown
        self._own = own
        self._known = answers.known
        self.changed = False
        self.is_whole = True

    def value(self, value: Any, field: str = "") -> Any:
        if isinstance(value, dict):
            return self._object(value, self._kinds.get(field) or self._kinds[""])
        if isinstance(value, list):
            return [self.value(part, field) for part in value]
        if isinstance(value, str) and (field in self.rules.encoded or value[:1] in ("{", "[")):
            return self._text(value, field)
        return value

    def _object(self, value: dict[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for field, kind in kinds.items():
            if not is_blank(value.get(field)):
                said.setdefault(kind, value[field])
        for field, part in value.items():
            left = self._field(field, kinds.get(field), part, value, said)
            if left is not part:
                value[field] = left
                self.changed = self.changed or left != part
        return value

    def _field(self, field: str, kind: str | None, part: Any, whole: Mapping[str, Any], said: Mapping[str, Any]) -> Any:
        if kind is None:
            if self.searches_unknown and not self._is_known(field):
                return self.withholding.value("unknown", part)
            return self.value(part, field)
        if kind in _NUMBERS or kind in _NAMES:
            return self._party(kind, part, said)
        if kind == "remark":
            if not isinstance(part, str):
                return self.value(part, field)
            return self.withholding.remark(part, is_red=self._may_be_red or any(map(_is_negative, whole.values())))
        if kind == "seller_account" and isinstance(part, str):
            part = plain_text(part)  # one number, however it is grouped
        return self.withholding.value(RAW_KINDS[kind], part)

    def _is_known(self, field: str) -> bool:
        """Keys of digits are not names of fields: something is filed under them, a month or a number."""
        return field in self._known or field.isdigit()

    def _party(self, kind: str, part: Any, said: Mapping[str, Any]) -> Any:
        if is_blank(part) or not isinstance(part, str | int):
            return part
        number_kind = kind if kind in _NUMBERS else next(no for no, name in _NUMBERS.items() if name == kind)
        number = said.get(number_kind)
        stated = plain_text(str(number)).upper() if isinstance(number, str | int) else None
        identity = said.get("buyer_id_no")
        told = number_kind == "buyer_tax_no" and isinstance(identity, str) and is_natural(identity)
        name = said.get(_NUMBERS[number_kind])
        called = name if isinstance(name, str) else None
        left = self.withholding.party(stated, called, own=self._own, told=told)
        if kind in _NAMES:
            return left[1]
        return part if left[0] == stated else left[0]

    def _text(self, text: str, field: str) -> Any:
        inside = unpacked(text)
        if inside is None:
            self.is_whole = self.is_whole and (field not in self.rules.encoded or is_blank(text))
            return text
        if not self._answers.needs_look(inside.data):
            return text
        found = opened(text)
        if found is None:
            self.is_whole = self.is_whole and field not in self.rules.encoded
            return text
        before, self.changed = self.changed, False
        walked = self.value(found.value)
        inner, self.changed = self.changed, before or self.changed
        return found.seal(walked) if inner else text


def _by_parent(kinds: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Field → kind for the objects under a field of that name; under "" for all others."""
    found: dict[str, dict[str, str]] = {"": {field: kind for field, kind in kinds.items() if "." not in field}}
    for field, kind in kinds.items():
        parent, dot, name = field.rpartition(".")
        if dot:
            found.setdefault(parent, dict(found[""]))[name] = kind
    return found


def _quoted(field: str) -> bytes:
    return ENCODER.encode(field.rpartition(".")[2])


def _shared(names: Sequence[bytes]) -> bytes:
    """The longest text that all of them have: an answer without it has none of them, and is searched only once."""
    if not names:
        return b""
    shortest = min(names, key=len)
    size = len(shortest)
    parts = (shortest[at : at + length] for length in range(size, 0, -1) for at in range(size - length + 1))
    return next((part for part in parts if all(part in name for name in names)), b"")


def _ends(names: Sequence[bytes]) -> Sequence[bytes]:
    """Texts that the names end with, fewer than there are names where they end alike: each is searched for once."""
    for name in names[:1]:
        for length in range(len(name), _SHORTEST_END - 1, -1):
            if all(other.endswith(name[-length:]) for other in names):
                return [name[-length:]]
    return names


def _names_a_person(body: bytes, end: bytes) -> bool:
    """Whether a field whose name ends like that holds something else than a company's number."""
    match = _IMPERSONAL.match
    parts = iter(body.split(end))
    next(parts)
    return any(match(behind) is None for behind in parts)


def _is_negative(value: Any) -> bool:
    if isinstance(value, str):
        return _NEGATIVE.match(value) is not None
    return isinstance(value, int | Decimal) and value < 0
