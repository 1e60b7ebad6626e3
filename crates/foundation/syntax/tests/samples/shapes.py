#!/usr/bin/env python3
# -*- coding: utf-8 -*-
"""Shapes."""
from __future__ import annotations

import math
import os.path as osp, sys
from . import sibling
from ..pkg.mod import a as b, c
from typing import *

PI_ISH = 3.14
registry: dict[str, int] = {}


# Says how big.
# In square units.
@cache
@trace(level=1)
def area(width, height: float = 1.0, *rest, scale: int = 2, **options) -> float:
    """The area.

        >>> area(2, 3)
        6
    """
    def inner():
        return PI_ISH
    return width * height


class Shape(Base, metaclass=Meta):
    '''A shape.'''

    sides: int = 0

    def __init__(self, name):
        self.name = name

    @property
    def label(self): return self.name

    class Inner:
        def deep(self):
            pass

    async def load(self):
        import json
        return json


try:
    import tomllib
except ImportError:
    def tomllib_loads(text):
        return {}

x = 1  # not the comment of what follows
def tail(): pass
