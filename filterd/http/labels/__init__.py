"""Age labels: what a site itself says about the age from which it is suitable.

Pure and bounded: bytes in, a `Label` or nothing out. A label can only raise the age that holds
already; a word that nobody knows raises nothing; of two labels the stricter counts. The formats,
for people who run sites, are in `docs/age-labels.md`.
"""
