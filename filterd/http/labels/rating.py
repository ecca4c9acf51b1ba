"""`<meta name="rating">` and the header `Rating` in words: adult, mature, general, 14 years.

There is no standard for it. Search engines read "adult" and "mature" as adults only.
"""

from filterd.http.labels.base import Statement
from filterd.http.labels.words import read_words

RATING = Statement("rating", frozenset({"rating"}), frozenset({"rating"}), read_words)
