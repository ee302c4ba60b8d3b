"""The page of metrics: TGI's names in the text format of Prometheus."""

from __future__ import annotations

import pytest

from esrag.local.tgi.metrics import Metrics, PassTimes


def test_nothing_is_shown_before_something_happened() -> None:
    """As in TGI."""
    assert Metrics().render() == ""


def test_counters_and_gauges_have_a_line_for_each_set_of_labels() -> None:
    """Under their help and type; no ``_total`` is added."""
    metrics = Metrics()
    metrics.count("tgi_request_count")
    metrics.count("tgi_request_count")
    metrics.failure("validation")
    metrics.failure("overloaded")
    metrics.set("tgi_queue_size", 3)
    lines = metrics.render().splitlines()
    assert "# TYPE tgi_request_count counter" in lines
    assert "tgi_request_count 2" in lines
    assert 'tgi_request_failure{err="validation"} 1' in lines
    assert 'tgi_request_failure{err="overloaded"} 1' in lines
    assert lines[-3:] == ["# TYPE tgi_queue_size gauge", "tgi_queue_size 3", ""]


def test_histograms_count_what_is_at_most_the_bound() -> None:
    """Cumulated, with sum and count; lengths are counted in hundredths of the limit."""
    metrics = Metrics(max_input_tokens=200)
    for length in (2, 3, 500):
        metrics.observe("tgi_request_input_length", length)
    lines = metrics.render().splitlines()
    assert 'tgi_request_input_length_bucket{le="2"} 1' in lines
    assert 'tgi_request_input_length_bucket{le="4"} 2' in lines
    assert 'tgi_request_input_length_bucket{le="200"} 2' in lines
    assert 'tgi_request_input_length_bucket{le="+Inf"} 3' in lines
    assert "tgi_request_input_length_sum 505" in lines
    assert "tgi_request_input_length_count 3" in lines


def test_durations_have_35_bounds_and_the_rest() -> None:
    """Each one and a half times the one before."""
    metrics = Metrics()
    metrics.observe("tgi_batch_inference_duration", 0.01, method="decode")
    found = [line for line in metrics.render().splitlines() if "_bucket{" in line]
    assert len(found) == 36
    assert found[0].startswith('tgi_batch_inference_duration_bucket{method="decode",le="0.00015')


def test_a_pass_that_fails_is_counted_and_not_timed() -> None:
    """The error goes on."""
    metrics = Metrics()
    with pytest.raises(RuntimeError), PassTimes(metrics, "prefill"):
        raise RuntimeError
    page = metrics.render()
    assert 'tgi_batch_inference_failure{method="prefill"} 1' in page
    assert "duration" not in page
