"""A command whose help shows examples first, then its options under headings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click


class HelpfulCommand(click.Command):
    """A command with `examples`, lines to type, and `headings`: under each the long names of its options, in order.

    Options that no heading names come last.
    """

    def __init__(
        self, *arguments: Any, examples: Sequence[str] = (), headings: Mapping[str, str], **given: Any
    ) -> None:
        super().__init__(*arguments, **given)
        self.examples, self.headings = examples, headings

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The description, and the examples."""
        super().format_help_text(ctx, formatter)
        with formatter.section("Examples"):
            for line in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, heading by heading."""
        options = {param.opts[-1]: param for param in self.get_params(ctx) if isinstance(param, click.Option)}
        headings = {heading: [options.pop(name) for name in names.split()] for heading, names in self.headings.items()}
        for heading, listed in {**headings, "Other options": list(options.values())}.items():
            records = [record for option in listed if (record := option.get_help_record(ctx))]
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
