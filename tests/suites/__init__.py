"""Suites and clients that others published, against Admit as a user starts it: `python server.py`."""
