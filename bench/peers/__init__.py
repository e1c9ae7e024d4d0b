"""The servers that Admit is measured beside, each as its own users would write it."""
