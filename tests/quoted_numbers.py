"""The measured numbers of a page, and the records that its sections name.

Measured is what has a decimal point or a unit; whole numbers without one are sizes, counts and settings. Code, links
and generated tables are left out: code runs, and a generated table is held to its record as a whole.
"""

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parent.parent
PUBLISHED = ROOT / "reports" / "published"
#: Written from a registry, and held to it by tests of their own.
GENERATED = {"claims.md", "errata.md", "coverage.md", "reproducing.md"}
PAGES = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in GENERATED)]
#: Records of some thousand numbers, in which any number would be found.
TOO_RICH = re.compile(r"evidence\.json|kill-matrix.*\.csv")

_SPACE = "[ \u00a0\u202f]"
_LEFT_OUT = re.compile(r"^```.*?^```|<!-- table.*?<!-- end -->|^    \S.*?$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`]*`|\]\([^)]*\)")
_UNIT = {
    "%": (100.0, 1.0),
    "µs": (1e6, 1.0),
    "ms": (1e3, 1.0),
    "GB": (1.0, 1e-3),
    "MB": (1.0,),
    "s": (1.0, 1e-3),
    "minutes": (1 / 60,),
}
_DIGITS = re.compile(rf"(\d{{1,3}}(?:{_SPACE}\d{{3}})+(?!\d)|\d+)(\.\d+)?")
_NUMBER = re.compile(
    rf"(?<![\w.⁻^/×−-]){_DIGITS.pattern}"
    rf"(?:{_SPACE}?(%|µs|ms|s|seconds?|minutes?|MB|GB|nats|times)(?!\w))?"
)
_ONE_LINE = re.compile(r"\n(?!\n|\||[-*] )")
_RECORD = re.compile(r"[\w-]+\.(?:csv|json)\b")
RECORDED = re.compile(r"(?<![\w.])-?\d+\.?\d*(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Quoted:
    """A number as a page prints it: unit, last digit that it has, where it stands, the records that are named there.

    `at` is where it begins in the text of the page.
    `context` is what stands next to it, `sentence` all of its sentence, or of its row of a table.
    """

    page: str
    section: str
    at: int
    text: str
    value: float
    last: float
    unit: str
    records: tuple[str, ...]
    context: str
    sentence: str

    def rounds(self, recorded, value=None):
        """Whether `recorded`, in a unit that the page's may stand for, is this at the printed digits, or is `value`."""
        wanted = self.value if value is None else value
        half = 0.5 * self.last * (1 + 1e-9)
        return any(abs(abs(recorded) * scale - wanted) <= half for scale in _UNIT.get(self.unit, (1.0,)))

    def as_printed(self, recorded):
        """`recorded` at the printed digits and in the printed unit; a unit may stand for several scales, and the
        likeliest is taken."""
        scale = min(_UNIT.get(self.unit, (1.0,)), key=lambda scale: abs(math.log(abs(recorded) * scale / self.value)))
        whole, decimals = _DIGITS.match(self.text).groups("")
        space = re.search(_SPACE, whole)
        shown = f"{abs(recorded) * scale:,.{max(0, len(decimals) - 1)}f}"
        return shown.replace(",", space[0] if space else "") + self.text[len(whole + decimals) :]


def quoted(page, text=None):
    """Every measured number of a page, with the records that its section names."""
    text = page.read_text(encoding="utf-8") if text is None else text
    text, begin = _LEFT_OUT.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), text), 0
    for section in re.split(r"(?m)^(?=#+ )", text):
        records = tuple(
            dict.fromkeys(
                name
                for name in _RECORD.findall(section)
                if (PUBLISHED / name).is_file() and not TOO_RICH.fullmatch(name)
            )
        )
        title = section.partition("\n")[0].lstrip("# ").strip()
        prose = _ONE_LINE.sub(" ", _CODE.sub(lambda code: " " * len(code[0]), section))
        whole_text = _ONE_LINE.sub(" ", section)  # as long: code says nothing measured, and may say of what
        for found in _NUMBER.finditer(prose):
            whole, decimals, unit = found.groups()
            if decimals or unit:
                number = re.sub(_SPACE, "", whole) + (decimals or "")
                last = 10.0 ** -(len(decimals) - 1) if decimals else 1.0
                context = " ".join(prose[max(0, found.start() - 50) : found.end() + 40].split())
                sentence = _sentence(whole_text, found.start())
                at = begin + found.start()
                yield Quoted(
                    page.name, title, at, found[0], float(number), last, unit or "", records, context, sentence
                )
        begin += len(section)


def _sentence(text, at):
    """What stands between the full stops, or the line of a table, around a place."""
    start = text.rfind("\n", 0, at) + 1
    line = text[start:].partition("\n")[0]
    if line.startswith("|"):
        return line
    ends = [0, *(end.end() for end in re.finditer(r"[.:;]\s", line)), len(line)]
    return next(line[a:b] for a, b in pairwise(ends) if b > at - start)


def of(pages=PAGES):
    """All of them."""
    return [number for page in pages for number in quoted(Path(page))]
