"""The benchmark: Admit beside the raw limit and the servers that its users could pick instead, in one run."""
