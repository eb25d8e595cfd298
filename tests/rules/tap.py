"""tap.py -- how the rules report: one TAP line for each sentence."""

import sys


class Report:
    """Collects sentences; each is false as soon as one complaint is made."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def sentence(self, text, complaints):
        """The sentence `text` holds if there is no complaint."""
        self.count += 1
        complaints = list(complaints)
        if complaints:
            self.failed += 1
        print("%s %d - %s" % ("not ok" if complaints else "ok", self.count, text))
        for line in complaints:
            self.note(line)
        return not complaints

    def skip(self, text, reason):
        self.count += 1
        print("ok %d - %s # SKIP %s" % (self.count, text, reason))

    def note(self, text):
        for line in str(text).splitlines():
            print("#   %s" % line)

    def end(self):
        print("1..%d" % self.count)
        sys.exit(1 if self.failed else 0)
