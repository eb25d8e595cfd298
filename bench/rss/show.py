"""Figures as people read them."""


def _ns(value):
    for unit, factor in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if value >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value:.0f} ns"


FORMS = {
    "MB": lambda value: f"{value / 1e6:.1f}" if abs(value) < 100e6 else f"{value / 1e6:.0f}",
    "part": lambda value: f"{value:.2%}" if abs(value) < 0.1 else f"{value:.0%}",
    "ratio": lambda value: f"{value:.2f}",
    "rate": lambda value: f"{value / 1e6:.3f} M" if value < 100e6 else f"{value / 1e6:.0f} M",
    "count": lambda value: f"{value:,.0f}",
    "ns": _ns,
    "s": lambda value: f"{value:.3f}" if value < 1 else f"{value:.2f}",
}


def shown(value, form):
    return "-" if value is None else FORMS[form](value)
