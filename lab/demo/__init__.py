"""Three models of five-year death on real data, and what the operator makes of them."""
