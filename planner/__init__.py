"""How a read gets fast: a validated document becomes a plan once, and the plan answers it from then on."""
