"""Run a user's program again and again, without touching their files.

One process imports what all need, and forks a process for each time that the program is run. What that writes is seen
by it alone, and gone at its end: :mod:`~unstuck.sandbox.private_files` where the system allows mounts of a process's
own, else :mod:`~unstuck.sandbox.scratch_files`.
"""
