"""Fenghuo (烽火): monitoring and operations for Python service platforms, in one program.

``fenghuo.sdk`` is what applications import; everything else is the server (``pip install 'fenghuo[server]'``).
"""

__version__ = "0.1.0"
