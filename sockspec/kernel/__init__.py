"""The kernel's view of a program: which call every thread is blocked in, what its sockets hold, whether it has settled.

`calls` knows system calls, `threads` reads /proc, `sockets` and `datagrams` know who talks to whom, `held` whose a
socket is, `look` puts them together.
"""
