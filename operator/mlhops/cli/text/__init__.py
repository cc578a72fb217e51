"""Views written for people: lines of spans, each with a style; pure, and without a terminal."""
