"""The elements of a page that was written."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """The elements of a page: (tag, attributes) in order, ids, and whether every element was closed."""

    VOID = frozenset({"meta", "br", "hr", "input", "img", "link"})

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        assert self.open == []
        self.ids = [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
