"""Serves the panel: what ``hatch_build.py`` made of ``ui/``, from ``web/panel`` inside the installed package.

In comes a GET for a page or a file of the panel, out goes the file, its precompressed twin, or the one page of the
application for any path the panel routes itself. Where no panel was built, a plain page says that the server runs
and how to get one; nothing else of the server depends on it.

Deliberately absent: sessions and data (``fenghuo.api`` has them; the panel is the same bytes for everyone) and
anything that writes.
"""

from fenghuo.web.panel_app import PANEL, Panel, panel_routes

__all__ = ["PANEL", "Panel", "panel_routes"]
