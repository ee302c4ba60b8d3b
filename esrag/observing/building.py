"""Makes the parts of observing that are wanted, and says what is missing for one of them."""

from __future__ import annotations

from esrag.errors import UnsupportedError
from esrag.observing.observing import Observing
from esrag.observing.prices import Prices

INSTALL_LINE = 'Install it: pip install "esrag[serve]"'


def build_observing(
    *,
    prices: Prices,
    metrics: bool = False,
    otlp_endpoint: str = "",
    otlp_authorization: str = "",
    content: bool = False,
) -> Observing:
    """What observes answers: metrics when they are wanted, spans when there is an address for them.

    Raises UnsupportedError when the packages for one of them are not installed, UsageError when
    the address is none.
    """
    try:
        if metrics:
            from esrag.observing.metrics import Metrics
        if otlp_endpoint:
            from esrag.observing.tracing import OtlpExporter, Tracing
    except ImportError as error:
        raise UnsupportedError(
            f"what observes answers is not installed here: {error}", hint=INSTALL_LINE
        ) from error
    tracing = None
    if otlp_endpoint:
        exporter = OtlpExporter(otlp_endpoint, authorization=otlp_authorization)
        tracing = Tracing(exporter, content=content)
    return Observing(tracing=tracing, metrics=Metrics(prices) if metrics else None, prices=prices)
