"""From what a model's pods tell to what is found: a look, judged by a MonitoringPolicy. No I/O, no clock."""
