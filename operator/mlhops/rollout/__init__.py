"""What to do next, without a clock, a client or a cluster: facts and a time in, intents out."""
