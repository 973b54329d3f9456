"""Takes persons, companies and invoices out of a recording, so that it can be kept beside a plugin's source.

What is masked is told by shape, not by name, because nobody knows all names of a vendor's fields: every text in Chinese or
another script, every number that could identify somebody (seven digits and more), every long word of letters and digits,
texts of several English words, addresses of mail, what follows the ``?`` of a web address. What stays: short codes, dates,
times, amounts with a decimal point, words of the plugin's own code tables, and the names of fields.

The same text always becomes the same replacement of the same shape: what was equal stays equal, a tax number stays one
(of region 99, where nobody lives), and a plugin that builds a cursor out of an answer builds the masked one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fapiao.engine.encoded import opened
from fapiao.invoices.tax_numbers import check_digit
from fapiao.spec import Descriptor
from fapiao.testing.numbering import tax_number

__all__ = ["Masker", "known_words"]

SHORTEST_NUMBER = 7
"""Digits of the shortest telephone number."""
_HAN = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥天地玄黄宇宙洪荒日月盈昃"
_PART = re.compile(
    r"""(?P<url>https?://[^\s"'<>]+)
      | (?P<mail>[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)
      | (?P<opaque>[A-Za-z0-9+/_-]{40,}={0,2})
      | (?P<grouped>\d{2,}(?:[ -]\d{2,})+)
      | (?P<foreign>(?:(?![0-9A-Za-z_])\w)+)
      | (?P<word>[0-9A-Za-z]+)""",
    re.VERBOSE,
)
_AMOUNT = re.compile(r"[+-]?\d{1,15}\.\d+%?\Z")
_DAY = re.compile(r"(?:19|20)\d\d-(?:0\d|1[0-2])-[0-3]\d(?: \d\d)?\Z")
_SENTENCE = re.compile(r"[A-Za-z]{2,}[ ,.]+[A-Za-z]{2,}")
_TAX_NUMBER = re.compile(r"[0-9A-HJ-NP-RTUWXY]{18}\Z")


class Masker:
    """
    :param key: decides the replacements; a secret, or new for every recording, since tax numbers can be tried one by one.
    :param words: texts that stay, whole or as a part between other characters.
    :param keep: names of fields whose values stay.
    :param hide: names of fields whose values are replaced whatever they look like.
    """

    def __init__(
        self, key: bytes, *, words: Iterable[str] = (), keep: Iterable[str] = (), hide: Iterable[str] = ()
    ) -> None:
        self._key = hashlib.blake2b(key).digest()
        self._words = frozenset(words)
        self._keep = frozenset(keep)
        self._hide = frozenset(hide)

    def value(self, value: Any, field: str = "") -> Any:
        """The value masked, lists and objects throughout; ``field`` is the name it stands under."""
        if field in self._keep:
            return value
        if isinstance(value, dict):
            return {self._name(name): self.value(part, name) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(part, field) for part in value]
        if isinstance(value, str):
            return self._hidden(value) if field in self._hide else self.text(value)
        if isinstance(value, int) and not isinstance(value, bool):
            hide = field in self._hide or (abs(value) >= 10**10 and not _is_instant(str(abs(value))))
            return int(self._digits(str(abs(value)))) * (-1 if value < 0 else 1) if hide else value
        return value

    def pairs(self, pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """A query, a form, or headers."""
        return tuple((name, self.value(value, name)) for name, value in pairs)

    def text(self, text: str) -> str:
        """One text."""
        if not text or text in self._words or _AMOUNT.match(text):
            return text
        inside = opened(text)
        if inside is not None:
            return inside.seal(self.value(inside.value))
        spoken = not text.isascii() or bool(_SENTENCE.search(text))
        return _PART.sub(lambda part: self._part(part, spoken), text)

    def path(self, path: str) -> str:
        """A request's path: words of it are names, only what identifies somebody is replaced."""
        return self._path(path)

    def credentials(self, value: Any) -> Any:
        """An answer to a login: every text long enough to be a token is replaced."""
        if isinstance(value, dict):
            return {name: self.credentials(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self.credentials(part) for part in value]
        if isinstance(value, str):
            return self._hidden(value) if len(value) >= 8 else value
        return value

    def _part(self, part: re.Match[str], spoken: bool) -> str:
        text = part[0]
        if text in self._words:
            return text
        if part["url"]:
            address, mark, query = text.partition("?")
            return self._path(address) + mark + _PART.sub(lambda part: self._hidden(part[0]), query)
        if part["mail"]:
            return f"{self._hidden(text.partition('@')[0])}@example.invalid"
        if part["grouped"] and not _DAY.match(text):
            return self._hidden(text) if sum(map(str.isdigit, text)) >= SHORTEST_NUMBER else text
        if part["grouped"]:
            return text
        if part["opaque"] or part["foreign"]:
            return self._hidden(text)
        return self._word(text, spoken)

    def _path(self, address: str) -> str:
        return re.sub(r"[0-9A-Za-z]+", lambda part: self._word(part[0], spoken=False), address)

    def _word(self, word: str, spoken: bool) -> str:
        digits = sum(character.isdigit() for character in word)
        if digits == len(word):
            if digits < (4 if spoken else SHORTEST_NUMBER) or _is_instant(word):
                return word
            return self._number(word)
        if _TAX_NUMBER.match(word) and digits >= 8:
            return self._number(word)
        if digits >= 4 and len(word) >= 8:
            return self._hidden(word)
        return self._hidden(word) if spoken and len(word) > 1 else word

    def _number(self, number: str) -> str:
        """A number of the same kind, as far as its length tells the kind."""
        fresh = self._digits(number)
        if _is_company(number):
            return tax_number(int(fresh) % 10**8)
        if len(number) == 20:  # a digital invoice: year, region
            return f"{number[:2]}99{fresh[4:]}"
        if len(number) == 12:  # an invoice code: year and kind stay, they decide what the document is
            return number[0] + fresh[1:5] + number[5:7] + fresh[7:10] + number[10:]
        if len(number) == 10:
            return fresh[:4] + number[4:6] + fresh[6] + number[7:]
        return fresh

    def _digits(self, digits: str) -> str:
        drawn = "".join(str(byte % 10) for byte in self._drawn(digits, len(digits)))
        return ("0" if digits[0] == "0" else str(1 + int(drawn[0]) % 9)) + drawn[1:]

    def _hidden(self, text: str) -> str:
        """Another text of the same shape: a digit for a digit, a letter for a letter, a character for a character."""
        shown = []
        for character, byte in zip(text, self._drawn(text, len(text)), strict=True):
            if character.isascii():
                shown.append(_alike(character, byte))
            else:
                shown.append(_HAN[byte % len(_HAN)] if character.isalnum() else character)
        return "".join(shown)

    def _drawn(self, text: str, count: int) -> bytes:
        found = b""
        while len(found) < count:
            salt = len(found).to_bytes(16, "big")
            found += hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._key, salt=salt).digest()
        return found[:count]

    def _name(self, name: str) -> str:
        """A field's name, which in some answers is a number that identifies something."""
        return re.sub(rf"\d{{{SHORTEST_NUMBER},}}[0-9A-Za-z]*", lambda part: self._word(part[0], False), name)


def known_words(descriptor: Descriptor) -> frozenset[str]:
    """Texts that a source's own tables have: they are codes, not persons."""
    found = {kind.code for kind in descriptor.types} | {kind.title for kind in descriptor.types}
    found |= {*descriptor.lists, *descriptor.lists.values()}
    for table in descriptor.codes.values():
        found |= {*table, *table.values()}
    return frozenset(found | _WORDS)


_WORDS = frozenset(
    {
        "是",
        "否",
        "有",
        "无",
        "元",
        "个",
        "人民币",
        "成功",
        "失败",
        "正常",
        "作废",
        "红冲",
        "免税",
        "不征税",
        "普通零税率",
        "出口零税",
    }
    | {
        "操作成功",
        "请求成功",
        "success",
        "被红冲蓝字数电发票号码",
        "红字发票信息确认单编号",
        "对应正数发票代码",
        "号码",
    }
)
"""What the tables of most vendors have in common."""


def _is_company(number: str) -> bool:
    """A unified social credit code with its check character; other numbers of 18 are a citizen's or a customs payment's."""
    return bool(_TAX_NUMBER.match(number)) and check_digit(number[:17]) == number[17]


def _is_instant(digits: str) -> bool:
    """``yyyymmdd``, ``yyyymmddHHMMSS``, or epoch milliseconds of this century."""
    if len(digits) == 13:
        return 946_684_800_000 <= int(digits) < 4_102_444_800_000
    form = {8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}.get(len(digits))
    if form is None or not "1990" <= digits[:4] < "2100":
        return False
    try:
        datetime.strptime(digits, form)  # noqa: DTZ007 - only whether it is one
    except ValueError:
        return False
    return True


def _alike(character: str, byte: int) -> str:
    if character.isdigit():
        return str(byte % 10)
    if character.isalpha():
        return chr(ord("A" if character.isupper() else "a") + byte % 26)
    return character
