"""What is said to services in requests that can be read: from the configuration to the plan."""

from typing import Any

from filterd.config.schema import Config
from filterd.config.school import school as school_of
from filterd.model.group import RuleBook
from filterd.policy.http_header_book import load_header_book
from filterd.policy.http_header_plan import header_plan
from filterd.policy.rulebook import default_directory


def plan_headers(config: Config, book: RuleBook) -> dict[str, Any]:
    """Return the plan that workers are handed.

    Raises:
        ConfigError: a service, word or group that is not there. RulesError: the rule file.
    """
    services = load_header_book(default_directory(), book)
    return header_plan(services, school_of(config, book).groups, config.http.headers)
