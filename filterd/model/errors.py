"""Errors that cross module borders. Each says what is wrong and where; the edge decides."""


class FilterdError(Exception):
    """The root: everything filterd raises on purpose."""


class ConfigError(FilterdError):
    """The configuration is not usable; `problems` holds every fault found, not just the first."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class InvalidName(FilterdError, ValueError):
    """Text that is no domain name."""


class RulesError(FilterdError):
    """A list or a compiled index cannot be used."""


class UpstreamError(FilterdError):
    """No usable answer came from upstream."""


class ControlError(FilterdError):
    """The running daemon could not be asked, or said no."""
