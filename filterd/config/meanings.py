"""What each key means: the text under its line in the section's class.

Read from the source when a document is made, not by pydantic when a class is made: that would
take a fifth of the time in which a daemon starts.
"""

import ast
import inspect
import textwrap
from itertools import pairwise

from pydantic import BaseModel


def meanings_of(model: type[BaseModel]) -> dict[str, str]:
    """Return field name -> meaning, on one line, of a section and the sections it is made from."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel) and each is not BaseModel:
            found |= _written_in(each)
    return found


def _written_in(model: type[BaseModel]) -> dict[str, str]:
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(body, ast.ClassDef)
    return {
        line.target.id: " ".join(below.value.value.split())
        for line, below in pairwise(body.body)
        if isinstance(line, ast.AnnAssign)
        and isinstance(line.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }
