"""The measured numbers of a page, and the records that its sections name.

Measured is what has a decimal point or a unit; whole numbers without one are sizes, counts and settings. Code, links
and generated tables are left out: code runs, and a generated table is held to its record as a whole.
"""

import re
from dataclasses import dataclass
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
_UNIT = {"%": (100.0, 1.0), "µs": (1e6, 1.0), "ms": (1e3, 1.0), "GB": (1.0, 1e-3), "MB": (1.0,), "s": (1.0, 1e-3)}
_NUMBER = re.compile(
    rf"(?<![\w.⁻^/×−-])(\d{{1,3}}(?:{_SPACE}\d{{3}})+(?!\d)|\d+)(\.\d+)?"
    rf"(?:{_SPACE}?(%|µs|ms|s|seconds?|minutes?|MB|GB|nats|times)(?!\w))?"
)
_RECORD = re.compile(r"[\w-]+\.(?:csv|json)\b")
RECORDED = re.compile(r"(?<![\w.])-?\d+\.?\d*(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Quoted:
    """A number as a page prints it: its unit, the last digit that it has, where it stands, the records named there."""

    page: str
    section: str
    text: str
    value: float
    last: float
    unit: str
    records: tuple[str, ...]
    context: str

    def rounds(self, recorded, value=None):
        """Whether `recorded`, in a unit that the page's may stand for, is this at the printed digits, or is `value`."""
        wanted = self.value if value is None else value
        half = 0.5 * self.last * (1 + 1e-9)
        return any(abs(abs(recorded) * scale - wanted) <= half for scale in _UNIT.get(self.unit, (1.0,)))


def quoted(page, text=None):
    """Every measured number of a page, with the records that its section names."""
    text = _LEFT_OUT.sub("", page.read_text(encoding="utf-8") if text is None else text)
    for section in re.split(r"(?m)^(?=#+ )", text):
        records = tuple(
            dict.fromkeys(
                name
                for name in _RECORD.findall(section)
                if (PUBLISHED / name).is_file() and not TOO_RICH.fullmatch(name)
            )
        )
        title = section.partition("\n")[0].lstrip("# ").strip()
        prose = re.sub(r"\n(?!\n|\||[-*] )", " ", _CODE.sub(lambda code: " " * len(code[0]), section))
        for found in _NUMBER.finditer(prose):
            whole, decimals, unit = found.groups()
            if decimals or unit:
                number = re.sub(_SPACE, "", whole) + (decimals or "")
                last = 10.0 ** -(len(decimals) - 1) if decimals else 1.0
                context = " ".join(prose[max(0, found.start() - 50) : found.end() + 40].split())
                yield Quoted(page.name, title, found[0], float(number), last, unit or "", records, context)


def of(pages=PAGES):
    """All of them."""
    return [number for page in pages for number in quoted(Path(page))]
