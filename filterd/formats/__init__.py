"""Rule syntaxes: what each line of a list means, as values of `filterd.model.rule`."""
