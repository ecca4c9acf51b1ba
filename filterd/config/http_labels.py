"""`http.labels`: age labels that sites give themselves (docs/age-labels.md)."""

from filterd.config.section import Section


class HttpLabelsConfig(Section):
    """Age labels of sites. They are seen on plain HTTP pages and on connections that are inspected,
    and can only raise the age that holds for a page.
    """

    on: bool = True
    """Read them, and block by them."""
    fetch: bool = True
    """Also ask sites for their label files, once a week each, some minutes after somebody went
    there; sites learn from it that this network looks at labels."""
