"""A machine that does what staff, candidates and time may do, and a plain reference that says what must come of it."""
