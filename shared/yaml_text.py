"""Read YAML that others wrote: its references may not make more of it than stands there."""

from collections.abc import Iterator
from typing import Any

import yaml

# A thousand factories of one kind repeat some hundred thousand; ten lines of ten references each would stand for
# ten thousand million.
REPEATED_MAX = 1_000_000
# In C, where PyYAML has it, a file of a thousand factories takes a tenth of the time.
FAST_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TooMuch(yaml.YAMLError):
    """A document stands for more than it says, or for what has no value."""


def parse(text: str, loader: type[yaml.SafeLoader] = FAST_LOADER) -> Any:
    """Return what a YAML document says.

    Raises:
        yaml.YAMLError: It is none, is nested too deep, repeats too much, or has a value that there is not (a 31 June).
    """
    reader = loader(text)
    try:
        node = reader.get_single_node()
        if node is None:
            return None
        _require_bounded(node)
        return reader.construct_document(node)
    except RecursionError:
        raise TooMuch("too deeply nested") from None
    except (ValueError, OverflowError) as error:
        raise TooMuch(str(error)) from None
    finally:
        reader.dispose()


def _require_bounded(root: yaml.Node) -> None:
    """Refuse a document whose references, written out, repeat too much or go in a circle."""
    written_out: dict[int, int] = {}
    waiting = [(root, False)]
    above: set[int] = set()
    while waiting:
        node, is_done = waiting.pop()
        key = id(node)
        if is_done:
            above.discard(key)
            written_out[key] = 1 + sum(written_out[id(inner)] for inner in _inner(node))
        elif key in above:
            raise TooMuch("a reference leads back into itself")
        elif key not in written_out:
            above.add(key)
            waiting.append((node, True))
            waiting += [(inner, False) for inner in _inner(node)]
    if written_out[id(root)] - len(written_out) > REPEATED_MAX:
        raise TooMuch(f"references repeat more than {REPEATED_MAX} values")


def _inner(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for name, inner in node.value:
            yield from (name, inner)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value
