"""How Sphinx builds this documentation: ``python -m sphinx -W docs build/docs``.

Nothing is fetched: there is no intersphinx, and the theme brings its own files.
"""

import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

project = "ChatApp"
author = "the authors of ChatApp"
copyright = "2026, the authors of ChatApp"
version = release = "0.3.0"

extensions = ["sphinx.ext.autodoc", "server_options"]
exclude_patterns = ["_build"]
highlight_language = "python"

# An annotation names a class as the source does, and both cogen.core.sockets and cogen.magic have a
# Socket.
suppress_warnings = ["ref.python"]

# A reference to one of our own names that leads nowhere is an error. Other packages' names, which
# only their own documentation could resolve, are left alone.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!(?:cogen|pylons|chatapp|paster)\b).*")]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["narrow.css"]
html_title = "ChatApp, Pylons and cogen"
html_show_sphinx = False
html_show_sourcelink = False
html_copy_source = False
