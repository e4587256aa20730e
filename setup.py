"""Metadata, dependencies and entry points of the one distribution that holds all packages.

What a tool is told about the tree (ruff, mypy, pytest, coverage) is in pyproject.toml.
"""

import pathlib

from setuptools import find_packages, setup

README = pathlib.Path(__file__).parent / "README.md"

setup(
    name="ChatApp",
    version="0.3.0",
    description="Long-poll chat in plain WSGI, on a Pylons framework, cogen and gevent",
    long_description=README.read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11,<3.14",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Web Environment",
        "Framework :: Paste",
        "Intended Audience :: Developers",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Internet :: WWW/HTTP :: WSGI :: Server",
    ],
    packages=find_packages(
        include=[
            "chatapp",
            "chatapp.*",
            "cogen",
            "cogen.*",
            "paster",
            "paster.*",
            "pylons",
            "pylons.*",
        ]
    ),
    package_data={
        "chatapp": ["config/*.ini_tmpl", "public/**", "templates/**"],
        "cogen": ["py.typed"],
        "pylons": ["py.typed"],
    },
    zip_safe=False,
    install_requires=[
        "Beaker>=1.14",
        "gevent>=24.11",
        "httptools>=0.9",
        "hupper>=1.12",
        "Mako>=1.3",
        "PasteDeploy>=3.1",
        "Routes>=2.5.1",
        "WebOb>=1.8.9",
    ],
    extras_require={
        "debug": ["backlash>=0.5"],
        "docs": ["furo>=2024.8.6", "sphinx>=8.0"],
        "metrics": ["prometheus-client>=0.20"],
        "test": [
            "backlash>=0.5",
            "coverage>=7.6",
            "FormEncode>=2.1",
            "gunicorn>=23",
            "h11>=0.14",
            "hypothesis>=6.100",
            "mypy>=1.13",
            "playwright>=1.49",
            "prometheus-client>=0.20",
            "pytest>=9.0",
            "ruff>=0.8",
            "SQLAlchemy>=2.0",
            "waitress>=3.0",
            "webtest>=3.0.1",
        ],
        "validate": ["FormEncode>=2.1"],
    },
    entry_points={
        "console_scripts": ["paster = paster.command:main"],
        "paste.app_factory": ["main = chatapp.config.middleware:make_app"],
        "paste.filter_app_factory": [
            "inline = cogen.web.async_:inline_host",
            "lazysr = cogen.web.async_:lazy_sr",
            "syncinput = cogen.web.async_:sync_input",
        ],
        "paste.server_factory": [
            "http = cogen.web.wsgi:server_factory",
            "wsgi = cogen.web.wsgi:server_factory",
        ],
    },
)
