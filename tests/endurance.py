"""Combien de fois plus d'exemples un essai de propriétés tire sous `make endurance`."""

from __future__ import annotations

import os

FOIS = int(os.environ.get("IQ_ENDURANCE", "1"))
