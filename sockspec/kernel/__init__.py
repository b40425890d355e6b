"""The kernel's view of a program: which call every thread is blocked in, what its sockets hold, whether it has settled.

`calls` knows system calls, `threads` reads /proc, `sockets` asks for socket diagnostics, `look` puts them together.
"""
