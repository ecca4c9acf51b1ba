"""`schedules`: named times of the week, with the dates that change it."""

from datetime import time

from pydantic import Field, model_validator

from filterd.config.calendar import Date, Dates, TimeOfDay, Weekdays
from filterd.config.section import Section


class SpanConfig(Section):
    """A time of one day; `to` at or before `from` runs over midnight."""

    start: TimeOfDay = Field(alias="from")
    """Its beginning."""
    end: TimeOfDay = Field(alias="to")
    """Its end, which no longer belongs to it; one before `from` is on the next day."""

    @model_validator(mode="after")
    def _lasts(self) -> "SpanConfig":
        if self.start == self.end and self.start != time():
            raise ValueError("from and to are the same; for the whole day, write 00:00 and 24:00")
        return self


class WindowConfig(SpanConfig):
    """A time of day on some weekdays."""

    days: Weekdays = Field(default=frozenset(range(7)), json_schema_extra={"default": "daily"})
    """Weekdays, such as mon-fri."""


class ScheduleConfig(Section):
    """One schedule."""

    windows: tuple[WindowConfig, ...] = ()
    """When it holds, each week."""
    off: tuple[Dates, ...] = ()
    """Dates on which it does not hold at all: holidays."""
    extra: dict[Date, tuple[SpanConfig, ...]] = Field(default_factory=dict)
    """Dates with times of their own in place of the weekday's: exams, make-up days."""
