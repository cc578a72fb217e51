"""KServe and Gateway API, as pure functions: what to apply, and what their objects say."""
