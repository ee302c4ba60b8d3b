"""Chat templates that reach for Python, or do not end: refused when a model is looked at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jinja2 import TemplateError

from esrag.errors import UnsupportedError
from esrag.model_files import check_model_folder
from esrag.model_files.chat_templates import check_chat_template, compile_chat_template
from tests.tiny_llama import CHAT_TEMPLATE, write_tiny_llama

HOSTILE = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ messages|map(attribute='__class__')|list }}",
    "{% set n = '__glo' ~ 'bals__' %}{{ (raise_exception[n])['x'] }}{{ cycler.__init__ }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}",
    "{{ 'a' * 10**9 }}",
    "{{ 2 ** (2 ** 40) }}",
    "{{ 'a'.ljust(10**9) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ 'a'|center(10**9) }}",
    "{{ [1]|tojson(indent=10**8) }}",
    "{% set s = namespace(x='aaaaaaaa') %}{% for i in range(60) %}"
    "{% set s.x = s.x ~ s.x %}{% endfor %}",
    "{% set s = namespace(x='aaaaaaaa') %}{% for i in range(60) %}"
    "{% set s.x = s.x + s.x %}{% endfor %}",
    "{% set s = namespace(x='aaaaaaaa') %}{% for i in range(60) %}"
    "{% set s.x = s.x|replace('a', 'aa') %}{% endfor %}",
    "{% set s = namespace(x='aaaaaaaa') %}{% for i in range(60) %}"
    "{% set s.x = [s.x, s.x]|join(s.x) %}{% endfor %}",
    "{% for i in range(100) %}{{ 'a' * 7000000 }}{% endfor %}",
    "{% for m in messages",
]


@pytest.mark.parametrize("source", HOSTILE)
def test_a_template_that_reaches_too_far_is_refused(source: str) -> None:
    """Before a model with it is loaded, and quickly."""
    with pytest.raises(UnsupportedError, match="chat template"):
        check_chat_template(source, where="here")


@pytest.mark.parametrize("place", ["tokenizer_config.json", "chat_template.jinja", "named"])
def test_the_template_is_found_wherever_it_stands(tmp_path: Path, place: str) -> None:
    """In the tokenizer's configuration, in a file of its own, or among several."""
    model = write_tiny_llama(tmp_path)
    file = model / "tokenizer_config.json"
    config = json.loads(file.read_text())
    if place == "chat_template.jinja":
        (model / place).write_text(HOSTILE[0])
    elif place == "named":
        config["chat_template"] = [
            {"name": "default", "template": CHAT_TEMPLATE},
            {"name": "rag", "template": HOSTILE[0]},
        ]
    else:
        config["chat_template"] = HOSTILE[0]
    file.write_text(json.dumps(config))
    with pytest.raises(UnsupportedError, match="private"):
        check_model_folder(model)


def test_bounds_hold_while_serving_too() -> None:
    """A template may behave until a conversation is long; its budget ends it then."""
    template = compile_chat_template(
        "{% if messages|length > 3 %}{% for a in range(9999) %}{% for b in range(9999) %}"
        "{% endfor %}{% endfor %}{% endif %}fine"
    )
    turn = {"role": "user", "content": "x"}
    assert template.render(messages=[turn]) == "fine"
    with pytest.raises(TemplateError, match="end"):
        template.render(messages=[turn] * 4)
    assert template.render(messages=[turn]) == "fine"


def test_what_honest_templates_use_works() -> None:
    """Loops, macros, namespaces, filters, JSON, slices and the generation mark."""
    template = compile_chat_template(
        "{%- macro show(turn) -%}<|{{ turn.role|upper }}|>{{ turn['content']|trim }}"
        "{%- endmacro -%}"
        "{%- set state = namespace(first=true, seen=[]) -%}"
        "{%- for turn in messages[0:] -%}{%- if loop.first and turn.role == 'system' -%}"
        "{%- continue -%}{%- endif -%}"
        "{%- generation -%}{{ show(turn) ~ '\n' }}{%- endgeneration -%}"
        "{%- set state.first = false -%}{%- endfor -%}"
        "{{ tools|tojson(indent=2) if tools else '' }}{{ '%s-%02d' % ('a', 7) }}"
        "{{ ['a', 'b']|join(', ') }}{{ 'a b'.split(' ')|last }}{{ 'x'.replace('x', 'yy') }}"
        "{{ messages|selectattr('role', 'equalto', 'user')|list|length }}"
        "{{ strftime_now('%Y')[:2] }}"
    )
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": " hi "}]
    assert template.render(messages=messages, tools=[{"a": 1}]) == (
        '<|USER|>hi\n[\n  {\n    "a": 1\n  }\n]a-07a, bbyy120'
    )


def test_a_long_prompt_is_within_bounds() -> None:
    """Passages of a million characters are no attack."""
    template = compile_chat_template(CHAT_TEMPLATE)
    text = template.render(messages=[{"role": "user", "content": "x" * 1_000_000}])
    assert len(text) > 1_000_000
