"""Monitoring: from what a model's pods tell to what is found.

Reports of detectors and a MonitoringPolicy come in; a verdict with findings goes out. No I/O, no clock.

Start reading at `look.py`.
"""
