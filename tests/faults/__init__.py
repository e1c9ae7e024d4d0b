"""What happens to a real server when what it stands on fails: one module for each fault, `run(stage, length)` in each.

`make faults` runs the long form and prints the figures; test_short_form.py runs the short one with the other tests.
"""
